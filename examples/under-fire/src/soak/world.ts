import {
  type Clients,
  type FaultProxy,
  type Fleet,
  type RedisServer,
  clientFactory,
  faultProxy,
  fleet,
  startRedis,
} from '@turnpike/test-kit';
import type { Target } from '../ask.ts';
import { type KnowingDatabase, createDatabase } from '../database.ts';
import { type Interval, type Stall, type Standstill, touches } from '../history.ts';
import { watchStalls } from '../stalls.ts';
import { serveDatabase } from './database-over-http.ts';
import type { FromProcess, ProcessArgs, ToProcess } from './serving.ts';

/** A place for a process of the app, behind a network of its own. */
export interface Slot {
  readonly proxy: FaultProxy;
  /** The process that serves; undefined while there is none. */
  target(): Target | undefined;
  /** SIGKILL; the place is empty until `start`. */
  kill(): Promise<void>;
  start(): Promise<void>;
  pause(): void;
  resume(): void;
  skew(ms: number): void;
}

/** Redis, the app in several processes, and all that went wrong by itself. */
export interface World {
  readonly server: RedisServer;
  readonly clients: Clients;
  readonly database: KnowingDatabase;
  readonly slots: readonly Slot[];
  targets(): Target[];
  /** Unhandled rejections, unknown warnings, processes that ended by themselves. */
  readonly complaints: string[];
  readonly standstills: Standstill[];
  readonly stalls: Stall[];
  /** Written down by who takes Redis away. */
  readonly silences: Interval[];
  readonly evictions: Interval[];
  [Symbol.asyncDispose](): Promise<void>;
}

/** What was answered is on disk: a server that is killed forgets nothing. */
const DURABLE = { appendonly: 'yes', appendfsync: 'always' };

/** Node gives up on none of it before. */
const LONGEST_MS = 2 ** 31 - 1;

/** Starts `count` processes of `script`, which serve the app. */
export async function createWorld(count: number, script: URL, random: () => number): Promise<World> {
  const server = await startRedis({ config: DURABLE });
  const clients = clientFactory(server);
  const database = createDatabase(random);
  const served = await serveDatabase(database);
  const complaints: string[] = [];
  const standstills: Standstill[] = [];
  const stalls: Stall[] = [];
  const unwatch = watchStalls((stall) => stalls.push({ instance: 'driver', ...stall }));
  let instances = 0;

  /** One that was told to stand still was not kept by the machine: others may not wait for it. */
  function hearStall(stall: Stall): void {
    const wasTold = standstills.some((still) => still.instance === stall.instance && touches(still, stall));
    if (!wasTold) stalls.push(stall);
  }

  const noteStandstill = ({ instance }: Target, from: number, how: Standstill['how']): void =>
    void standstills.push({ instance, how, from, to: performance.now() });

  async function createSlot(): Promise<Slot> {
    const proxy = await faultProxy(server);
    let running: { readonly processes: Fleet<void>; readonly target: Target } | undefined;
    let pausedAt = 0;
    const args: ProcessArgs = {
      redis: { host: proxy.host, port: proxy.port },
      databaseUrl: served.url,
      prefix: clients.prefix,
    };

    const slot: Slot = {
      proxy,
      target: () => running?.target,
      async start() {
        const processes = await fleet<void>(1, script, { args, timeoutMs: LONGEST_MS });
        const instance = (instances += 1);
        processes.results.catch((error: Error) => complaints.push(`process: ${error.message}`));
        const port = await new Promise<number>((resolve, reject) => {
          processes.results.then(() => reject(new Error('it has ended')), reject);
          processes.onMessage((message) => {
            const said = message as FromProcess;
            if (said.kind === 'listening') resolve(said.port);
            else if (said.kind === 'complaint') complaints.push(`process: ${said.what}`);
            else
              hearStall({ instance, from: said.from - performance.timeOrigin, to: said.to - performance.timeOrigin });
          });
        });
        running = { processes, target: { instance, port } };
      },
      async kill() {
        const killed = running;
        running = undefined;
        const from = performance.now();
        await killed?.processes.stop();
        if (killed) noteStandstill(killed.target, from, 'killed');
      },
      pause() {
        pausedAt = performance.now();
        running?.processes.members[0]?.pause();
      },
      resume() {
        running?.processes.members[0]?.resume();
        if (running) noteStandstill(running.target, pausedAt, 'stopped');
      },
      skew: (skewMs) => running?.processes.broadcast({ skewMs } satisfies ToProcess),
    };
    await slot.start();
    return slot;
  }

  const slots = await Promise.all(Array.from({ length: count }, createSlot));
  return {
    server,
    clients,
    database,
    slots,
    targets: () => slots.flatMap((slot) => slot.target() ?? []),
    complaints,
    standstills,
    stalls,
    silences: [],
    evictions: [],
    async [Symbol.asyncDispose]() {
      unwatch();
      await Promise.all(slots.map((slot) => slot.kill()));
      await Promise.all(slots.map(({ proxy }) => proxy.close()));
      served.close();
      await clients.close();
      await server.stop();
    },
  };
}
