import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { canStartCluster, eventually, scale, skipUnless } from '@turnpike/test-kit';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createApp } from '../src/app.ts';
import { type Target, hangUp } from '../src/ask.ts';
import { createDatabase } from '../src/database.ts';
import type { Exchange, Interval, Stall } from '../src/history.ts';
import { load } from '../src/load.ts';
import { violationsIn } from '../src/oracle/violations.ts';
import { seeded } from '../src/random.ts';
import { recovery } from '../src/recovery.ts';
import { unsettled } from '../src/settlement.ts';
import { watchStalls } from '../src/stalls.ts';
import { createVisitor } from '../src/visitor.ts';
import { type Topology, topologies } from './topologies.ts';

const seed = Number(process.env['TURNPIKE_SEED'] ?? Date.now() % 1_000_000);

/** All decide by Redis again a second after their clients are back, which takes them half a second at most. */
const RECOVERY_MS = 1_500;

/** How long is asked before and after each thing that happens. */
const CALM_MS = scale({ quick: 400, full: 4_000 });

/** What has to be seen of an app before anything happens to it. */
const ANSWERS = ['take 200', 'take 429', 'login 200', 'me 200', 'me 401', 'order 201', 'read 200', 'write 200'];

const answersIn = (exchanges: readonly Exchange[]): string[] => [
  ...new Set(exchanges.map(({ op, status }) => `${op} ${status}`)),
];

/** Redis did not decide: it was refused, or decided without. */
const isUndecided = (exchange: Exchange): boolean =>
  exchange.status === 0 || exchange.status >= 500 || ('isDegraded' in exchange && (exchange.isDegraded ?? false));

/** An app as a process of its own has it, but for the process. */
async function serve(topology: Topology, database: ReturnType<typeof createDatabase>, instance: number) {
  const { app, close } = createApp({ redis: topology.connect(), database, prefix: topology.clients.prefix });
  const server = createServer({ keepAliveTimeout: 60_000 }, app).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const target: Target = { instance, port: (server.address() as AddressInfo).port };
  return {
    target,
    async [Symbol.asyncDispose]() {
      close();
      server.close().closeAllConnections();
    },
  };
}

describe.each(Object.entries(topologies))(
  `%s (TURNPIKE_SEED=${seed})`,
  skipUnless(canStartCluster(), 'there is no redis-server binary'),
  (_setup, begin) => {
    const ROUNDS = scale({ quick: [seed], full: [seed, seed + 1, seed + 2, seed + 3, seed + 4] });

    it.each(ROUNDS)('keeps every promise under load, whatever happens to it (%i)', async (roundSeed) => {
      const random = seeded(roundSeed);
      await using topology = await begin();
      const database = createDatabase(random);
      await using one = await serve(topology, database, 0);
      await using two = await serve(topology, database, 1);
      const targets = [one.target, two.target];
      expect(await recovery(targets)).toBeLessThan(5_000);

      const exchanges: Exchange[] = [];
      const losses: Interval[] = [];
      const stalls: Stall[] = [];
      onTestFinished(watchStalls((stall) => stalls.push({ instance: 'driver', ...stall })));
      const visitor = createVisitor((exchange) => exchanges.push(exchange));
      for (const [series, { name, mayForget, mostUndecided = 1, happens }] of topology.happenings.entries()) {
        const over = new AbortController();
        onTestFinished(() => over.abort());
        const asking = load({
          visitor,
          series,
          targets: () => targets,
          workers: 10,
          random,
          restMs: 20,
          until: over.signal,
        });
        await sleep(CALM_MS);
        // An oracle that has seen nothing is right, too.
        await eventually(() => expect(answersIn(exchanges)).toEqual(expect.arrayContaining(ANSWERS)), {
          withinMs: 20_000,
        });
        const from = performance.now();
        await happens();
        const recoveredMs = await recovery(targets, stalls);
        if (mayForget) losses.push({ from, to: performance.now() });
        await sleep(CALM_MS);
        over.abort();
        await asking;
        const meanwhile = exchanges.filter(({ sentAt }) => sentAt >= from);
        const undecided = meanwhile.filter(isUndecided).length / meanwhile.length;
        expect(undecided).toBeLessThanOrEqual(mostUndecided);
        console.log(`${name}: ${Math.round(performance.now() - from)} ms, recovered in ${Math.round(recoveredMs)} ms`);
        expect([name, recoveredMs < RECOVERY_MS ? 'recovered' : recoveredMs]).toEqual([name, 'recovered']);
      }

      const wrong = await unsettled({ visitor, targets, exchanges, losses, random });
      hangUp();
      const history = { exchanges, losses, evictions: [], silences: [], standstills: [], stalls };
      expect([...wrong, ...violationsIn(history, database)]).toEqual([]);
      await topology.clients.noKeyWithoutTtl();
    });
  },
);
