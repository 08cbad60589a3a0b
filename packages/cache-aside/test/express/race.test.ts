import { once } from 'node:events';
import { Agent, createServer, get } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Readable } from 'node:stream';
import { json } from 'node:stream/consumers';
import { fleet, scale } from '@turnpike/test-kit';
import { setting } from '@turnpike/test-kit/vitest';
import express, { type RequestHandler } from 'express';
import { describe, expect, it } from 'vitest';
import { type Database, startDatabase } from '../database.ts';
import { createCache } from '../../src/index.ts';
import { cacheResponse } from '../../src/express/index.ts';
import { appOf } from './app.ts';
import { type Mutation, SHIPPED, mutantOf } from './mutant.ts';

const it_ = setting();

const PROCESSES = 4;
const LOAD_TIMEOUT_MS = 40;
const LANGUAGES = ['en', 'de', 'fr'];

interface Member {
  readonly stale: string[];
  readonly stats: Record<string, number>;
}

interface Heat {
  readonly rounds: number;
  readonly seed: number;
  /** Of one round after the other: few pages are wanted by many; of many, what is stored last is not soon overwritten. */
  readonly keyCounts?: readonly number[];
  /** How long handlers take at most. */
  readonly loadMs?: readonly number[];
  /** What each process does in a round. */
  readonly ops?: number;
  /** Within how many ms. */
  readonly spreadMs?: number;
  readonly dist?: string;
  readonly kills?: number;
  /** Whoever has seen what is stale ends it. */
  readonly endsAtStale?: boolean;
}

/** Deletes the clock, or the marks, as an eviction would. */
async function evict(): Promise<void> {
  const clock = `${it_.clients.prefix}:v1:cache-aside:{clock}:${Math.random() < 0.5 ? 'clock' : 'marks'}`;
  await it_.clients.client().del(clock);
}

/** What was stale in some rounds of all processes, of which some are killed on the way, and at the end. */
async function raced({
  rounds,
  seed,
  keyCounts = [2, 3, 5],
  loadMs = [4, 12],
  ops = 5,
  spreadMs = 12,
  dist = SHIPPED,
  kills = 1,
  endsAtStale = false,
}: Heat): Promise<Member> {
  const database = await startDatabase(seed);
  try {
    await using members = await fleet<Member>(PROCESSES, new URL('../fleet/pages.mjs', import.meta.url), {
      args: {
        url: it_.server.url,
        prefix: it_.clients.prefix,
        port: database.port,
        seed,
        rounds,
        ops,
        spreadMs,
        keyCounts,
        loadMs,
        loadTimeoutMs: LOAD_TIMEOUT_MS,
        dist,
        endsAtStale,
      },
      timeoutMs: 600_000,
    });
    const ports: number[] = [];
    const found: string[] = [];
    members.onMessage((message) => {
      if ('stale' in (message as object)) {
        found.push(...(message as Pick<Member, 'stale'>).stale);
        return void members.stop();
      }
      const { index, port } = message as { index: number; port: number };
      ports[index] = port;
      if (Object.keys(ports).length === PROCESSES) members.broadcast({ ports });
    });
    const evicting = setInterval(() => void evict(), 1500);
    const killing = Array.from({ length: kills }, (_, n) =>
      setTimeout(() => void members.members[n]?.kill(), 1000 + Math.random() * rounds * 15),
    );
    const results = await members.results;
    clearInterval(evicting);
    for (const timer of killing) clearTimeout(timer);
    if (found.length > 0) return { stale: found, stats: {} };
    const stats = results.reduce<Record<string, number>>((sum, member) => {
      for (const [name, count] of Object.entries(member.stats)) sum[name] = (sum[name] ?? 0) + count;
      return sum;
    }, {});
    const stale = results.flatMap((member) => member.stale);
    return { stale: [...stale, ...(await stalePages(database, rounds, keyCounts))], stats };
  } finally {
    database.close();
  }
}

/** Every page that is left, beside the database: all of it is over, so they have to be equal. */
async function stalePages(database: Database, rounds: number, keyCounts: readonly number[]): Promise<string[]> {
  const { seed } = database;
  const redis = it_.clients.client();
  const cache = createCache({ redis, prefix: it_.clients.prefix, ttlMs: 600_000, deadlineMs: 5000 });
  // Who was killed between its commit and its invalidation has told nobody: in an app, an outbox does.
  await cache.invalidate({ tags: database.abandoned() });
  const app = appOf(express);
  app.get('/rows/:key', cacheResponse({ cache }) as RequestHandler, (_req, res) => {
    res.set('Cache-Control', 'no-store').json({});
  });
  const server = createServer(app).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const agent = new Agent({ keepAlive: true });
  const ask = async (path: string, language: string): Promise<{ rows?: Record<string, number> }> => {
    const { port } = server.address() as AddressInfo;
    const headers = { host: 'pages.test', 'accept-language': language };
    const [answer] = (await once(get({ host: '127.0.0.1', port, path, agent, headers }), 'response')) as [Readable];
    return (await json(answer)) as { rows?: Record<string, number> };
  };

  const stale: string[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const most = keyCounts[round % keyCounts.length];
    const names = Array.from({ length: Number(most) }, (_, n) => `s${seed}:r${round}:k${n}`);
    const group = `s${seed}:r${round}:group`;
    const current = database.current([...names, group]);
    const check = async (name: string, language: string): Promise<void> => {
      const { rows } = await ask(`/rows/${name}`, language);
      for (const row of rows === undefined ? [] : [name, group]) {
        if (rows?.[row] !== current[row]) stale.push(`at the end: ${row} was ${rows?.[row]}, and is ${current[row]}`);
      }
    };
    // Every other varies.
    const languages = (n: number): string[] => (n % 2 === 1 ? LANGUAGES : ['en']);
    await Promise.all(names.flatMap((name, n) => languages(n).map((language) => check(name, language))));
  }
  agent.destroy();
  server.close();
  return stale;
}

describe(`pages of ${PROCESSES} processes that are asked for and changed at random, one of the processes killed on the way`, () => {
  const ROUNDS_A_HEAT = scale({ quick: 50, full: 150 });
  const heats = scale({ quick: 1, full: 34 });
  const firstSeed = Math.floor(Math.random() * 1e6);

  it.each(Array.from({ length: heats }, (_, n) => firstSeed + n))(
    'are never as they were before a change that was answered, and none is left that differs: seed %i',
    async (seed) => {
      const { stale, stats } = await raced({ rounds: ROUNDS_A_HEAT, seed });
      expect(stale).toEqual([]);
      // It was a race: pages were shared, varied, served while they were rendered anew, and stored when they were old already.
      const names = ['hit', 'stale', 'collapsed', 'missed', 'variants', 'written', 'overtaken', 'stored'];
      for (const name of names) expect([name, Number(stats[name]) > 10]).toEqual([name, true]);
    },
    600_000,
  );
});

interface Mutant extends Mutation {
  readonly without: string;
  /** A race in which it shows soon. */
  readonly heat: Pick<Heat, 'keyCounts' | 'loadMs' | 'ops' | 'spreadMs'>;
}

const MUTANTS: Mutant[] = [
  {
    without: 'a stamp from before the page was rendered, where it is put under its variant',
    heat: { keyCounts: [5], loadMs: [18] },
    file: 'pages.js',
    edits: [['metaBytes({ stamp, tags:', 'metaBytes({ stamp: { ...stamp, us: Date.now() * 1000 }, tags:']],
  },
  {
    without: 'holding the answer to a change back until it is invalidated',
    heat: { keyCounts: [2], loadMs: [6] },
    file: 'express/invalidation.js',
    edits: [['? invalidate(named) : undefined', '? void setTimeout(invalidate, 8, named) : undefined']],
  },
  {
    without: 'the look whether there was an invalidation since, before a page that is being rendered is shared',
    heat: { keyCounts: [2], loadMs: [30], ops: 12, spreadMs: 40 },
    file: 'serving.js',
    edits: [['await isStillValid(outcome, found, call)', 'true']],
  },
  {
    without: 'the tags that handlers give',
    heat: { keyCounts: [4], loadMs: [6] },
    file: 'express/page-tags.js',
    edits: [['takers.get(res)?.(tags)', 'undefined']],
  },
];

describe('the same race finds what is stale', () => {
  const HEATS = 4;
  /** What takes away what pages add to the cache: the rest is the cache's own, whose race shows it as well. */
  const mutants = scale({ quick: MUTANTS.slice(0, 1), full: MUTANTS });

  it.each(mutants)(
    'without $without',
    async (mutant) => {
      const { dist, remove } = mutantOf(mutant);
      try {
        const stale: string[] = [];
        for (let seed = 1; stale.length === 0 && seed <= HEATS; seed += 1) {
          stale.push(...(await raced({ ...mutant.heat, rounds: 60, seed, dist, kills: 0, endsAtStale: true })).stale);
        }
        expect(stale).not.toEqual([]);
      } finally {
        remove();
      }
    },
    600_000,
  );
});
