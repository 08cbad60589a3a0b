import { storeOf } from '@turnpike/core';
import { countCommands, race, settableClock } from '@turnpike/test-kit';
import type { Redis } from 'ioredis';
import { describe, expect, it } from 'vitest';
import {
  type Attempt,
  type Claimed,
  type Standing,
  claim,
  complete,
  heartbeat,
  release,
  resolve,
} from '../src/scripts.ts';
import { setting } from '@turnpike/test-kit/vitest';

const it_ = setting();

const START = Date.UTC(2026, 0, 1);
const START_US = START * 1000;
const LIFETIMES = { leaseMs: 30_000, ttlMs: 86_400_000 };
const DEADLINE = { deadlineMs: 5000 };
const ANSWER = Buffer.from([0, 255, 10, 13]);

/** The scripts on one record, under a clock that the test sets. */
async function ledger(lifetimes = LIFETIMES) {
  const redis = it_.clients.client();
  const clock = await settableClock(redis);
  await clock.set(START);
  const store = storeOf(clock.client);
  const key = `${it_.clients.prefix}:{record}`;
  return {
    redis,
    clock,
    key,
    ttlMs: () => redis.pttl(key),
    claim: (owner: string, more: Partial<Attempt> = {}): Promise<Standing> =>
      store.call(claim, { key, owner, print: 'v1.x:a', takeOver: 'none', lifetimes, ...more }, DEADLINE),
    complete: (run: Claimed, status = 201, state: 'done' | 'in-doubt' = 'done', answer = ANSWER): Promise<boolean> =>
      store.call(complete, { run, outcome: { state, status, answer }, lifetimes }, DEADLINE),
    release: (run: Pick<Claimed, 'owner' | 'fence'>): Promise<boolean> =>
      store.call(release, { key, lifetimes, ...run }, DEADLINE),
    heartbeat: (run: Claimed): Promise<boolean> => store.call(heartbeat, { run, lifetimes }, DEADLINE),
    resolve: (fence: number): Promise<boolean> =>
      store.call(resolve, { key, fence, answer: ANSWER, lifetimes }, DEADLINE),
    run: (owner: string, fence = START_US, bornUs = START_US): Claimed => ({
      key,
      owner,
      fence,
      bornUs,
      print: 'v1.x:a',
    }),
  };
}

describe('a claim', () => {
  it('of an unknown identity is a run, with the time as its fence', async () => {
    const on = await ledger();
    expect(await on.claim('ann')).toEqual({ kind: 'acquired', fence: START_US, bornUs: START_US });
    expect(await on.ttlMs()).toBeGreaterThan(86_400_000);
    expect(await on.ttlMs()).toBeLessThanOrEqual(86_430_000);
  });

  it('that a client sends again is the same run, also after its lease', async () => {
    const on = await ledger();
    await on.claim('ann');
    expect(await on.claim('ann')).toEqual({ kind: 'mine', fence: START_US, bornUs: START_US });
    await on.clock.advance(40_000);
    expect(await on.claim('bob')).toMatchObject({ kind: 'in-doubt' });
    expect(await on.claim('ann')).toEqual({ kind: 'mine', fence: START_US, bornUs: START_US });
    expect(await on.claim('bob')).toMatchObject({ kind: 'in-flight', leaseLeftMs: 30_000 });
  });

  it('sent again too late is its own still, to be given back, and is not prolonged', async () => {
    const on = await ledger();
    await on.claim('ann');
    await on.clock.advance(40_000);
    const args = [START_US, 'ann', 'v1.x:a', 30_000, 86_400_000, 0];
    expect(await on.clock.client.eval(claim.lua, 1, on.key, ...args)).toEqual(['mine', START_US, START_US]);
    expect(await on.claim('bob')).toMatchObject({ kind: 'in-doubt' });
  });

  it('finds a run in flight until the end of its lease, and in doubt from then on', async () => {
    const on = await ledger();
    await on.claim('ann');
    await on.clock.advance(10_000);
    expect(await on.claim('bob')).toEqual({ kind: 'in-flight', ranMs: 10_000, leaseLeftMs: 20_000 });
    await on.clock.advance(19_999);
    expect(await on.claim('bob')).toEqual({ kind: 'in-flight', ranMs: 29_999, leaseLeftMs: 1 });
    await on.clock.advance(1);
    expect(await on.claim('bob')).toEqual({ kind: 'in-doubt', fence: START_US, bornUs: START_US, status: 0 });
  });

  it('finds the answer of what is done, byte by byte, and leaves its time alone', async () => {
    const on = await ledger();
    await on.claim('ann');
    expect(await on.complete(on.run('ann'))).toBe(true);
    await on.redis.pexpire(on.key, 5000);
    expect(await on.claim('bob')).toEqual({ kind: 'replay', answer: ANSWER });
    expect(await on.ttlMs()).toBeLessThanOrEqual(5000);
  });

  it('with another payload is told so in every state; one whose print was made in another way is not', async () => {
    const on = await ledger();
    const other = (): Promise<Standing> => on.claim('bob', { print: 'v1.x:b' });
    await on.claim('ann');
    expect(await other()).toEqual({ kind: 'mismatch' });
    await on.clock.advance(30_000);
    expect(await other()).toEqual({ kind: 'mismatch' });
    expect(await on.claim('bob', { print: 'v1.x:b', takeOver: 'any' })).toEqual({ kind: 'mismatch' });
    await on.complete(on.run('ann'));
    expect(await other()).toEqual({ kind: 'mismatch' });
    expect(await on.claim('bob', { print: 'v2.x:b' })).toMatchObject({ kind: 'replay' });
    expect(await on.claim('bob', { print: 'no way at all' })).toEqual({ kind: 'mismatch' });
    await on.redis.del(on.key);
    await on.claim('ann', { print: 'no way at all' });
    expect(await on.claim('bob', { print: 'v1.x:a' })).toEqual({ kind: 'mismatch' });
    expect(await on.claim('bob', { print: 'no way at all' })).toMatchObject({ kind: 'in-flight' });
  });

  it('takes over what is in doubt, where it may, with a higher fence, and nobody else does', async () => {
    const on = await ledger();
    await on.claim('ann');
    expect(await on.claim('bob', { takeOver: 'any' })).toMatchObject({ kind: 'in-flight' });
    await on.clock.advance(30_000);
    expect(await on.claim('bob', { takeOver: START_US - 1 })).toMatchObject({ kind: 'in-doubt' });
    const won = await race(20, (n) => on.claim(`bob-${n}`, { takeOver: START_US }));
    const fence = START_US + 30_000_000;
    expect(won.filter(({ kind }) => kind === 'taken-over')).toEqual([{ kind: 'taken-over', fence, bornUs: START_US }]);
    expect(won.filter(({ kind }) => kind === 'in-flight')).toHaveLength(19);
    expect(await on.ttlMs()).toBeGreaterThan(86_400_000);
  });

  it('raises the fence also when the clock has stepped back', async () => {
    const on = await ledger();
    await on.claim('ann');
    await on.complete(on.run('ann'), 500, 'in-doubt');
    await on.clock.advance(-60_000);
    expect(await on.claim('bob', { takeOver: 'any' })).toMatchObject({ kind: 'taken-over', fence: START_US + 1 });
  });

  it('finds no lease longer than a lease after the clock has stepped back', async () => {
    const on = await ledger();
    await on.claim('ann');
    await on.clock.advance(-3_600_000);
    expect(await on.claim('bob')).toEqual({ kind: 'in-flight', ranMs: 0, leaseLeftMs: 30_000 });
    await on.clock.advance(30_000);
    expect(await on.claim('bob')).toMatchObject({ kind: 'in-doubt' });
  });

  it('that comes late does nothing', async () => {
    const on = await ledger();
    const late = await on.clock.client.eval(claim.lua, 1, on.key, START_US - 1, 'ann', 'v1.x:a', 30_000, 86_400_000, 0);
    expect(late).toEqual(['late', START_US]);
    expect(await on.redis.exists(on.key)).toBe(0);
  });

  it('gives a record that lost its expiry one again', async () => {
    const on = await ledger();
    await on.claim('ann');
    for (const settle of [
      () => undefined,
      () => on.complete(on.run('ann'), 500, 'in-doubt'),
      () => on.resolve(START_US),
    ]) {
      await settle();
      await on.redis.persist(on.key);
      await on.claim('bob');
      expect(await on.ttlMs()).toBeGreaterThan(0);
    }
  });
});

describe('a completion', () => {
  it('is refused to whoever is not the owner, or has a successor', async () => {
    const on = await ledger();
    await on.claim('ann');
    expect(await on.complete(on.run('bob'))).toBe(false);
    expect(await on.complete(on.run('ann', START_US - 1))).toBe(false);
    await on.clock.advance(30_000);
    await on.claim('bob', { takeOver: 'any' });
    for (const refused of [on.complete, on.heartbeat, on.release]) expect(await refused(on.run('ann'))).toBe(false);
    expect(await on.claim('eve')).toMatchObject({ kind: 'in-flight', ranMs: 0 });
  });

  it('is kept after the lease, and after a doubt, while there is no successor', async () => {
    const on = await ledger();
    await on.claim('ann');
    await on.clock.advance(60_000);
    expect(await on.complete(on.run('ann'), 0, 'in-doubt')).toBe(true);
    expect(await on.complete(on.run('ann'))).toBe(true);
    expect(await on.claim('bob')).toMatchObject({ kind: 'replay' });
  });

  it('of a claim that was never answered is kept by its owner alone', async () => {
    const on = await ledger();
    await on.claim('ann');
    expect(await on.complete(on.run('bob', 0))).toBe(false);
    expect(await on.complete(on.run('ann', 0))).toBe(true);
  });

  it('is there once it is done: no doubt, release or beat of the same run undoes it', async () => {
    const on = await ledger();
    await on.claim('ann');
    await on.complete(on.run('ann'));
    expect(await on.complete(on.run('ann'), 0, 'in-doubt')).toBe(true);
    expect(await on.release(on.run('ann'))).toBe(false);
    expect(await on.heartbeat(on.run('ann'))).toBe(false);
    expect(await on.claim('bob')).toEqual({ kind: 'replay', answer: ANSWER });
    expect(await on.ttlMs()).toBeLessThanOrEqual(86_400_000);
  });

  it('brings back a record that the server has lost, and does not overwrite one that is new', async () => {
    const on = await ledger();
    await on.claim('ann');
    await on.redis.del(on.key);
    expect(await on.complete(on.run('ann'))).toBe(true);
    expect(await on.claim('bob')).toMatchObject({ kind: 'replay' });
    expect(await on.claim('bob', { print: 'v1.x:b' })).toEqual({ kind: 'mismatch' });
    await on.redis.del(on.key);
    await on.complete(on.run('ann', START_US + 7, START_US + 3), 500, 'in-doubt');
    expect(await on.claim('bob')).toMatchObject({ kind: 'in-doubt', fence: START_US + 7, bornUs: START_US + 3 });
    await on.redis.del(on.key);
    await on.claim('bob');
    expect(await on.complete(on.run('ann'))).toBe(false);
  });

  it('in doubt names its status to who comes next', async () => {
    const on = await ledger();
    await on.claim('ann');
    await on.complete(on.run('ann'), 502, 'in-doubt');
    expect(await on.claim('bob')).toEqual({ kind: 'in-doubt', fence: START_US, bornUs: START_US, status: 502 });
    expect(await on.ttlMs()).toBeGreaterThan(86_390_000);
  });
});

describe('a release', () => {
  it('leaves nothing behind, and the fence rises all the same', async () => {
    const on = await ledger();
    await on.claim('ann');
    expect(await on.release(on.run('ann'))).toBe(true);
    expect(await on.redis.exists(on.key)).toBe(0);
    await on.clock.advance(1);
    expect(await on.claim('bob')).toMatchObject({ kind: 'acquired', fence: START_US + 1000 });
    expect(await on.release(on.run('ann'))).toBe(false);
    expect(await on.claim('eve')).toMatchObject({ kind: 'in-flight' });
  });

  it('of a claim that was never answered goes by its owner', async () => {
    const on = await ledger();
    await on.claim('ann');
    expect(await on.release({ owner: 'bob', fence: 0 })).toBe(false);
    expect(await on.release({ owner: 'ann', fence: 0 })).toBe(true);
  });

  it('of a run that took over leaves the doubt about the run before it, with its status', async () => {
    const on = await ledger();
    await on.claim('ann');
    await on.complete(on.run('ann'), 502, 'in-doubt');
    await on.claim('bob', { takeOver: 'any' });
    await on.release({ owner: 'bob', fence: 0 });
    expect(await on.claim('eve')).toMatchObject({ kind: 'in-doubt', status: 502 });
  });

  it('of a run that took over leaves the doubt also where the lease of the run before it ran out', async () => {
    const on = await ledger();
    await on.claim('ann');
    await on.clock.advance(30_000);
    await on.claim('bob', { takeOver: 'any' });
    const fence = START_US + 30_000_000;
    expect(await on.release(on.run('bob', fence))).toBe(true);
    expect(await on.claim('eve')).toEqual({ kind: 'in-doubt', fence, bornUs: START_US, status: 0 });
    expect(await on.ttlMs()).toBeGreaterThan(86_390_000);
    // Also where the server has lost the record meanwhile.
    await on.claim('eve', { takeOver: 'any' });
    await on.redis.del(on.key);
    await on.heartbeat(on.run('eve', fence + 1));
    await on.release(on.run('eve', fence + 1));
    expect(await on.claim('zoe')).toMatchObject({ kind: 'in-doubt', fence: fence + 1 });
  });
});

describe('a heartbeat', () => {
  it('begins the lease anew, also one that has run out without a successor', async () => {
    const on = await ledger();
    await on.claim('ann');
    for (const ms of [20_000, 29_999, 31_000]) {
      await on.clock.advance(ms);
      expect(await on.heartbeat(on.run('ann'))).toBe(true);
      expect(await on.claim('bob')).toMatchObject({ kind: 'in-flight', leaseLeftMs: 30_000 });
    }
    expect(await on.claim('bob')).toMatchObject({ ranMs: 80_999 });
  });

  it('does not bring back a run that is over: in doubt, given back and taken by another', async () => {
    const on = await ledger();
    await on.claim('ann');
    await on.complete(on.run('ann'), 0, 'in-doubt');
    expect(await on.heartbeat(on.run('ann'))).toBe(false);
    expect(await on.claim('bob')).toMatchObject({ kind: 'in-doubt' });
  });

  it('brings back a record that the server has lost, as it was', async () => {
    const on = await ledger();
    await on.claim('ann');
    await on.redis.del(on.key);
    await on.clock.advance(10_000);
    expect(await on.heartbeat(on.run('ann'))).toBe(true);
    expect(await on.claim('bob')).toMatchObject({ kind: 'in-flight' });
    expect(await on.claim('bob', { print: 'v1.x:b' })).toEqual({ kind: 'mismatch' });
    expect(await on.ttlMs()).toBeGreaterThan(86_400_000);
    expect(await on.complete(on.run('ann'))).toBe(true);
    expect(await on.claim('bob')).toEqual({ kind: 'replay', answer: ANSWER });
  });

  it('of a run that Redis has not heard of lets it hear of it, with a fence that nobody takes for none', async () => {
    const on = await ledger();
    const unheard = on.run('ann', 0, START_US - 5);
    expect(await on.heartbeat(unheard)).toBe(true);
    expect(await on.claim('bob')).toMatchObject({ kind: 'in-flight' });
    expect(await on.complete(unheard, 500, 'in-doubt')).toBe(true);
    expect(await on.claim('bob', { takeOver: 'none' })).toEqual({
      kind: 'in-doubt',
      fence: START_US - 5,
      bornUs: START_US - 5,
      status: 500,
    });
    expect(await on.claim('bob', { takeOver: 'any' })).toMatchObject({ kind: 'taken-over', fence: START_US });
  });

  it('that comes late does nothing', async () => {
    const on = await ledger();
    const args = [START_US - 1, 'ann', START_US, START_US, 'v1.x:a', 30_000, 86_400_000];
    expect(await on.clock.client.eval(heartbeat.lua, 1, on.key, ...args)).toEqual(['late', START_US]);
    expect(await on.redis.exists(on.key)).toBe(0);
  });
});

describe('a resolution', () => {
  it('ends the doubt that was looked at, and no other', async () => {
    const on = await ledger();
    expect(await on.resolve(START_US)).toBe(false);
    await on.claim('ann');
    expect(await on.resolve(START_US)).toBe(false);
    await on.clock.advance(30_000);
    expect(await on.resolve(START_US + 1)).toBe(false);
    expect(await on.resolve(START_US)).toBe(true);
    expect(await on.claim('bob')).toEqual({ kind: 'replay', answer: ANSWER });
    expect(await on.ttlMs()).toBeGreaterThan(86_390_000);
    expect(await on.resolve(START_US)).toBe(false);
  });
});

/** What may stand where a record is looked for, and is none: to take it for no record would be to run again. */
const UNREADABLE: [what: string, put: (redis: Redis, key: string) => Promise<unknown>][] = [
  ['of a hash', (redis, key) => redis.multi().del(key).hset(key, 'record', 'packed', 'answer', ANSWER).exec()],
  ['of text', (redis, key) => redis.set(key, 'mine')],
  ['of nothing', (redis, key) => redis.set(key, '')],
  ['of another layout', (redis, key) => redis.set(key, Buffer.from([0x91, 2]))],
  ['of a part of one', async (redis, key) => redis.set(key, (await redis.getBuffer(key))?.subarray(0, 20) ?? '')],
];

it.each(UNREADABLE)('a record %s fails every script, gives nobody a run, and stays', async (_what, put) => {
  const on = await ledger();
  await on.claim('ann');
  await put(on.redis, on.key);
  await on.redis.pexpire(on.key, 60_000);
  const before = await on.redis.dump(on.key);
  const run = on.run('ann');
  for (const call of [
    () => on.claim('ann'),
    () => on.claim('bob', { takeOver: 'any' }),
    () => on.complete(run),
    () => on.heartbeat(run),
    () => on.release(run),
    () => on.resolve(START_US),
  ]) {
    await expect(call()).rejects.toMatchObject({ code: 'ERR_TURNPIKE_STORE_CONFIGURATION' });
  }
  expect(await on.redis.dump(on.key)).toBe(before);
});

it('what is done takes no more than its answer, its payload’s print and who made it', async () => {
  const on = await ledger();
  await on.claim('ann');
  await on.complete(on.run('ann'), 201, 'done', Buffer.alloc(1000));
  expect(await on.redis.strlen(on.key)).toBeLessThan(1050);
});

it('each operation is one command, and a record is small', async () => {
  const on = await ledger();
  const warm = it_.clients.client();
  const store = storeOf(warm);
  const key = `${it_.clients.prefix}:{small}`;
  const attempt = {
    key,
    owner: 'ann',
    print: 'v1.abcdef:' + 'x'.repeat(43),
    takeOver: 'none',
    lifetimes: LIFETIMES,
  } as const;
  await store.call(claim, { ...attempt, key: on.key }, DEADLINE);
  const commands = await countCommands(it_.server, async () => {
    const said = await store.call(claim, attempt, DEADLINE);
    if (said.kind !== 'acquired') throw new Error(said.kind);
    await store.call(
      complete,
      {
        run: { ...attempt, ...said },
        outcome: { state: 'in-doubt', status: 500, answer: ANSWER },
        lifetimes: LIFETIMES,
      },
      DEADLINE,
    );
    await store.call(claim, { ...attempt, owner: 'bob' }, DEADLINE);
  });
  expect(commands.map(([name]) => name?.toLowerCase())).toHaveLength(3);
  expect(Number(await warm.call('MEMORY', 'USAGE', key))).toBeLessThan(300);
});
