import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from './eventually.ts';
import { freePort } from './free-port.ts';
import { findRedis } from './redis-binary.ts';
import { launchRedis, PortTaken, type RedisProcess } from './redis-process.ts';
import type { RedisAddress } from './redis-server.ts';
import { assertSeveralServers } from './replica.ts';

export interface SentinelOptions {
  /** What the Sentinels call the master. @default 'main' */
  name?: string;
  /** How many watch; more than half of them decide. @default 1 */
  count?: number;
  /** After how many ms without an answer the master is taken for dead. @default 500 */
  downAfterMs?: number;
}

/** Sentinels that watch one master, and make a replica of it the next when it is gone. */
export interface Sentinels {
  readonly name: string;
  /** For `new Redis({ sentinels, name })`; `clientFactory(watch)` knows them too. */
  readonly sentinels: readonly { readonly host: string; readonly port: number }[];
  stop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

const HOST = '127.0.0.1';

// They ask the master of its replicas when they start, and then every ten seconds.
const WITHIN_MS = 15_000;

/**
 * Starts Sentinels for `master` and resolves when all know `replicas` replicas of it, without which there is no failover.
 *
 * @throws NoRedisServer when this machine has no redis-server binary.
 */
export async function startSentinels(
  master: RedisAddress,
  replicas: number,
  { name = 'main', count = 1, downAfterMs = 500 }: SentinelOptions = {},
): Promise<Sentinels> {
  assertSeveralServers('startSentinels');
  const quorum = Math.floor(count / 2) + 1;
  const lines = [
    `bind ${HOST}`,
    `sentinel monitor ${name} ${master.host} ${master.port} ${quorum}`,
    `sentinel down-after-milliseconds ${name} ${downAfterMs}`,
    `sentinel failover-timeout ${name} 5000`,
  ];
  const starts = await Promise.allSettled(Array.from({ length: count }, () => startSentinel(lines)));
  const started = starts.flatMap((start) => (start.status === 'fulfilled' ? [start.value] : []));

  async function stop(): Promise<void> {
    await Promise.all(started.map((sentinel) => sentinel.stop()));
  }

  try {
    for (const start of starts) if (start.status === 'rejected') throw start.reason;
    for (const { config } of started) {
      await eventually(async () => knownIn(await config(), `known-replica ${name}`) === replicas, {
        withinMs: WITHIN_MS,
      });
      await eventually(async () => knownIn(await config(), `known-sentinel ${name}`) === count - 1, {
        withinMs: WITHIN_MS,
      });
    }
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    name,
    sentinels: started.map(({ port }) => ({ host: HOST, port })),
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

/** What a Sentinel finds it writes into its file. */
const knownIn = (config: string, what: string): number => config.split(`sentinel ${what} `).length - 1;

async function startSentinel(lines: readonly string[]) {
  const found = findRedis();
  if (found.kind !== 'binary') throw new Error('A Sentinel needs a redis-server binary.');
  const { path: binary } = found;
  const directory = await mkdtemp(join(tmpdir(), 'turnpike-sentinel-'));
  const file = join(directory, 'sentinel.conf');

  async function launch(attempts: number): Promise<{ port: number; sentinel: RedisProcess }> {
    const port = await freePort();
    await writeFile(file, [`port ${port}`, `dir ${JSON.stringify(directory)}`, ...lines, ''].join('\n'));
    try {
      return { port, sentinel: await launchRedis(binary, [file, '--sentinel'], directory, 'Sentinel ID is') };
    } catch (error) {
      if (!(error instanceof PortTaken) || attempts === 0) throw error;
      return launch(attempts - 1);
    }
  }

  const clear = (): Promise<void> => rm(directory, { recursive: true, force: true });
  const { port, sentinel } = await launch(10).catch(async (error: unknown) => {
    await clear();
    throw error;
  });
  return {
    port,
    config: () => readFile(file, 'utf8'),
    async stop() {
      sentinel.signal('SIGKILL');
      await sentinel.exited;
      await clear();
    },
  };
}
