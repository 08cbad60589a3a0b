import { storeOf } from '@turnpike/core';
import { eventually, fleet, race, scale, settableClock } from '@turnpike/test-kit';
import { describe, expect, it } from 'vitest';
import type { IdempotencyOptions } from '../src/index.ts';
import { type Claimed, type Standing, claim, complete } from '../src/scripts.ts';
import { setting } from '@turnpike/test-kit/vitest';

const it_ = setting();

const PROCESSES = 4;
const CALLERS = 200;
const EVERYBODY = PROCESSES * CALLERS;

/** What became of one key: the sum over all processes. Each of them sends one retry more when the race is over. */
interface Round {
  /** Of the handler. */
  runs: number;
  /** 201 from the handler, and 201 replayed. */
  firsts: number;
  replays: number;
  /** 409 `idempotency_in_flight` with a Retry-After of whole seconds. */
  conflicts: number;
  /** The different bodies of the 201s. */
  orders: string[];
  /** Whatever else was answered. */
  others: string[];
}

interface Race {
  keys: number;
  options: Partial<IdempotencyOptions>;
  /** True when before the race every key's first run ended with a 500. */
  areInDoubt?: boolean;
}

async function roundsOf({ keys, options, areInDoubt = false }: Race): Promise<Round[]> {
  const { url } = it_.server;
  const { prefix } = it_.clients;
  await using members = await fleet<Round[]>(PROCESSES, new URL('fleet/race.mjs', import.meta.url), {
    args: { url, prefix, keys, callers: CALLERS, areInDoubt, options },
    timeoutMs: 1_800_000,
  });
  const ofMembers = await members.results;
  return Array.from({ length: keys }, (_, key) => {
    const rounds = ofMembers.flatMap((mine) => mine[key] ?? []);
    const sum = (what: 'runs' | 'firsts' | 'replays' | 'conflicts'): number =>
      rounds.reduce((total, round) => total + round[what], 0);
    return {
      runs: sum('runs'),
      firsts: sum('firsts'),
      replays: sum('replays'),
      conflicts: sum('conflicts'),
      orders: [...new Set(rounds.flatMap(({ orders }) => orders))],
      others: rounds.flatMap(({ others }) => others),
    };
  });
}

/** One run, one order, and every answer tells of it or says that it is under way. */
function expectOneRun(rounds: Round[]): void {
  expect(rounds.filter(({ others }) => others.length > 0).slice(0, 3)).toEqual([]);
  expect(rounds.map(({ runs }) => runs)).toEqual(rounds.map(() => 1));
  expect(rounds.map(({ firsts }) => firsts)).toEqual(rounds.map(() => 1));
  expect(rounds.map(({ orders }) => orders.length)).toEqual(rounds.map(() => 1));
}

describe(`${PROCESSES} processes × ${CALLERS} callers with one key at once`, () => {
  it('run it once: every other answer is a 409 with Retry-After, or the first answer', async () => {
    const rounds = await roundsOf({ keys: scale({ quick: 4, full: 1000 }), options: {} });
    expectOneRun(rounds);
    for (const { replays, conflicts } of rounds) {
      expect(replays).toBeGreaterThanOrEqual(PROCESSES);
      expect(1 + replays + conflicts).toBe(EVERYBODY + PROCESSES);
    }
    // Otherwise nobody raced.
    expect(rounds.some(({ conflicts }) => conflicts > 0)).toBe(true);
  }, 1_800_000);

  it('run it once and all get the same bytes when they wait', async () => {
    const keys = scale({ quick: 2, full: 50 });
    const rounds = await roundsOf({ keys, options: { whileInFlight: 'wait', waitMs: 60_000 } });
    expectOneRun(rounds);
    expect(rounds.map(({ replays }) => replays)).toEqual(rounds.map(() => EVERYBODY + PROCESSES - 1));
  }, 1_800_000);

  it('take over a run in doubt once', async () => {
    const keys = scale({ quick: 2, full: 50 });
    const rounds = await roundsOf({ keys, options: { onInDoubt: 'rerun' }, areInDoubt: true });
    expectOneRun(rounds);
  }, 1_800_000);
});

describe('the fence', () => {
  const lifetimes = { leaseMs: 1000, ttlMs: 60_000 };
  const STEP_MS = 5 * lifetimes.leaseMs;
  const RIVALS = 3;

  type Running = Extract<Standing, { kind: 'acquired' | 'taken-over' | 'mine' }>;
  const isRunning = (standing: Standing): standing is Running =>
    ['acquired', 'taken-over', 'mine'].includes(standing.kind);

  it('rises with every takeover, and one caller wins it, through lapse, doubt, expiry, FLUSHALL and a clock that steps back', async () => {
    const redis = it_.clients.client();
    const clock = await settableClock(redis);
    const store = storeOf(clock.client);
    const key = `${it_.clients.prefix}:fence`;

    const claimOnce = async (owner: string): Promise<Claimed | undefined> => {
      const attempt = { key, owner, print: 'v1:a', takeOver: 'any', lifetimes } as const;
      const standing = await store.call(claim, attempt, { deadlineMs: 10_000 });
      return isRunning(standing) ? { ...attempt, fence: standing.fence, bornUs: standing.bornUs } : undefined;
    };

    /** What makes an end of a run, for whoever asks next. */
    const ends: Record<string, (run: Claimed) => Promise<unknown>> = {
      lapse: () => clock.advance(lifetimes.leaseMs),
      doubt: (run) => {
        const outcome = { state: 'in-doubt', status: 500, answer: Buffer.alloc(0) } as const;
        return store.call(complete, { run, outcome, lifetimes }, { deadlineMs: 10_000 });
      },
      expiry: async () => {
        await clock.advance(1);
        await redis.pexpire(key, 1);
        await eventually(async () => (await redis.exists(key)) === 0, { everyMs: 1 });
      },
      flush: async () => {
        await redis.flushall();
        await clock.advance(1);
      },
      'step back': async () => {
        await clock.advance(-STEP_MS);
        expect(await claimOnce('meanwhile')).toBeUndefined();
        await clock.advance(lifetimes.leaseMs);
      },
      'step forward': () => clock.advance(STEP_MS),
    };
    const course = ['lapse', 'doubt', 'expiry', 'lapse', 'flush', 'doubt', 'step back', 'doubt', 'step forward'];

    let run = await claimOnce('first');
    for (let round = 0; round < scale({ quick: 1000, full: 10_000 }); round += 1) {
      if (run === undefined) throw new Error(`nobody ran in round ${round}`);
      const end = course[round % course.length] ?? '';
      await ends[end]?.(run);
      const runs = await race(RIVALS, (rival) => claimOnce(`${round}-${rival}`));
      const [winner, ...more] = runs.filter((one) => one !== undefined);
      expect(more, `runs at once after ${end}`).toEqual([]);
      expect(winner?.fence, `the fence after ${end}`).toBeGreaterThan(run.fence);
      run = winner;
    }
  }, 120_000);
});
