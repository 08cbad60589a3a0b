import { eventually, settableClock } from '@turnpike/test-kit';
import { setting } from '@turnpike/test-kit/vitest';
import { describe, expect, it } from 'vitest';
import { metaBytes, parsedEntry, seenOf } from '../src/envelope.ts';
import {
  admitLua,
  fillLua,
  forgetLua,
  leaseLua,
  markLua,
  marksLua,
  overwriteLua,
  putLua,
  releaseLua,
} from '../src/lua.gen.ts';
import { type Release, release } from '../src/scripts.ts';

const it_ = setting();

const START = Date.UTC(2026, 0, 1);
const [MINE, THEIRS] = ['mine_mine_mi', 'theirs_theirs'.slice(0, 12)];
const NEVER = Number.MAX_SAFE_INTEGER;

const tokenBytes = (token: string): Buffer => Buffer.from(token, 'base64url');

/** Of the clock that each `letter` names. */
const clockOf = (letter: string): string => letter.padEnd(8, 'a');

const metaOf = (clock: string, us: number, version?: number): Buffer =>
  metaBytes({ stamp: { incarnation: clockOf(clock), us }, tags: ['t'], version });

/** The operations on one entry, under a clock that the test sets. */
async function entry() {
  const redis = it_.clients.client();
  const clock = await settableClock(redis);
  await clock.set(START);
  const key = `${it_.clients.prefix}:{e}`;
  const bell = `${key}:bell`;
  const run = (lua: string, ...argv: (string | number | Buffer)[]) =>
    clock.client.eval(lua, 1, key, ...argv) as Promise<unknown[]>;
  const bytes = () => redis.getBuffer(key);
  return {
    redis,
    clock,
    key,
    bell,
    seen: async () => seenOf(await bytes()),
    read: async () => {
      const there = await bytes();
      return there === null ? undefined : parsedEntry(there);
    },
    ttl: () => redis.pttl(key),
    lease: (token: string, seen: Buffer | string = '', keeps = 0, notAfterUs = NEVER) =>
      run(leaseLua, notAfterUs, tokenBytes(token), 11_000, seen, keeps, metaOf('a', 1)),
    /** What is there, as it is shown to who is given no lease. */
    async shown(token: string) {
      const argv = [NEVER, tokenBytes(token), 11_000, '', 0, metaOf('a', 1)];
      const reply = await clock.client.callBuffer('EVAL', leaseLua, 1, key, ...argv);
      const [tag, there] = reply as [tag: Buffer, there: Buffer];
      expect(String(tag)).toBe('changed');
      return there;
    },
    fill: (token: string, payload = '"v"', meta = metaOf('a', 1)) =>
      run(fillLua, tokenBytes(token), bell, 5000, 60_000, 'J', meta, payload),
    release: (token: string, state: Release['state'], failure = '') =>
      run(
        releaseLua,
        ...release.encode({ key, token, channel: bell, state, pauseMs: 1000, meta: metaOf('a', 1), failure }).argv,
      ),
    forget: () => run(forgetLua, bell),
    put: (incarnation: string, us: number, payload = '"put"', lifeMs = 60_000) =>
      run(putLua, bell, 5000, lifeMs, 'B', metaOf(incarnation, us), payload),
    overwrite: (version: number, payload = '"new"') => run(overwriteLua, version, bell, 5000, 60_000, 'J', payload),
  };
}

describe('lease', () => {
  it('is given to the first, and shows it to the next', async () => {
    const it = await entry();
    expect(await it.lease(MINE)).toEqual(['leased']);
    expect(await it.ttl()).toBeGreaterThan(10_000);
    expect(parsedEntry(await it.shown(THEIRS))).toMatchObject({ state: 'leased', token: MINE, kind: '-' });
    expect(await it.read()).toMatchObject({ token: MINE, untilMs: START + 11_000 });
  });

  it('sent again is the same, and is not late', async () => {
    const it = await entry();
    await it.lease(MINE);
    expect(await it.lease(MINE)).toEqual(['leased']);
    expect(await it.lease(MINE, '', 0, 0)).toEqual(['leased']);
  });

  it('that comes too late does nothing', async () => {
    const it = await entry();
    expect(await it.lease(MINE, '', 0, START * 1000 - 1)).toEqual(['late', START * 1000]);
    expect(await it.lease(MINE, '', 0, START * 1000)).toEqual(['leased']);
  });

  it('over a value keeps it, and a TTL that holds the lease', async () => {
    const it = await entry();
    await it.lease(MINE);
    await it.fill(MINE);
    await it.redis.pexpire(it.key, 500);
    expect(await it.lease(THEIRS, await it.seen(), 1)).toEqual(['leased']);
    expect(await it.read()).toMatchObject({ state: 'leased', token: THEIRS, kind: 'J', payload: Buffer.from('"v"') });
    expect(await it.ttl()).toBeGreaterThan(10_000);
  });

  it('over what is absent erases it', async () => {
    const it = await entry();
    for (const corrupt of ['', 'nonsense', 'x'.repeat(500)]) {
      await it.redis.set(it.key, corrupt, 'PX', 60_000);
      expect(await it.lease(MINE, await it.seen())).toEqual(['leased']);
      expect(await it.read()).toMatchObject({ kind: '-', token: MINE });
      await it.forget();
    }
  });

  it('is refused over what has changed since it was seen, and shows it', async () => {
    const it = await entry();
    await it.lease(MINE);
    const seen = await it.seen();
    await it.fill(MINE);
    expect((await it.lease(THEIRS, seen))[0]).toBe('changed');
    await it.forget();
    expect(await it.lease(THEIRS, seen)).toEqual(['changed', '']);
  });

  it('gives a key without a TTL one', async () => {
    const it = await entry();
    await it.lease(MINE);
    await it.redis.persist(it.key);
    await it.lease(THEIRS);
    expect(await it.ttl()).toBeGreaterThan(0);
  });
});

describe('fill', () => {
  it('stores for the holder, once, with its TTL', async () => {
    const it = await entry();
    await it.lease(MINE);
    expect(await it.fill(THEIRS)).toEqual(['refused']);
    expect(await it.fill(MINE)).toEqual(['stored']);
    expect(await it.read()).toMatchObject({ state: 'none', kind: 'J', freshUntilMs: START + 5000, tags: ['t'] });
    expect(await it.ttl()).toBeGreaterThan(59_000);
    expect(await it.fill(MINE, '"again"')).toEqual(['refused']);
  });

  it.each([
    ['an invalidation', (it: Awaited<ReturnType<typeof entry>>) => it.forget()],
    ['another’s lease', async (it: Awaited<ReturnType<typeof entry>>) => it.lease(THEIRS, await it.seen())],
    ['an expiry', (it: Awaited<ReturnType<typeof entry>>) => it.redis.del(it.key)],
    ['a release', (it: Awaited<ReturnType<typeof entry>>) => it.release(MINE, 'none')],
    ['an overwrite', (it: Awaited<ReturnType<typeof entry>>) => it.overwrite(1)],
  ])('is refused after %s', async (_, happen) => {
    const it = await entry();
    await it.lease(MINE);
    await happen(it);
    expect(await it.fill(MINE)).toEqual(['refused']);
  });

  it('is stored late, after the load was given up for failed', async () => {
    const it = await entry();
    await it.lease(MINE);
    await it.release(MINE, 'failed', '{"name":"LoadTimeoutError"}');
    expect(await it.fill(MINE)).toEqual(['stored']);
  });
});

describe('release', () => {
  it('of a lease that was not used leaves nothing', async () => {
    const it = await entry();
    await it.lease(MINE);
    expect(await it.release(THEIRS, 'none')).toEqual(['gone']);
    expect(await it.release(MINE, 'none')).toEqual(['released']);
    expect(await it.read()).toBeUndefined();
  });

  it('of a failed load tells the error for its pause', async () => {
    const it = await entry();
    await it.lease(MINE);
    expect(await it.release(MINE, 'failed', '{"name":"E"}')).toEqual(['released']);
    expect(await it.read()).toMatchObject({ state: 'failed', kind: 'E', untilMs: START + 1000 });
    expect(await it.ttl()).toBeLessThanOrEqual(1000);
  });

  it('lets a value that is there live as long as it says why, and gives it a TTL that was lost', async () => {
    for (const lose of ['pexpire', 'persist'] as const) {
      const it = await entry();
      await it.forget();
      await it.lease(MINE);
      await it.fill(MINE);
      await it.lease(THEIRS, await it.seen(), 1);
      if (lose === 'pexpire') await it.redis.pexpire(it.key, 200);
      else await it.redis.persist(it.key);
      expect(await it.release(THEIRS, 'failed', '{}')).toEqual(['released']);
      expect(await it.ttl()).toBeGreaterThan(800);
      expect(await it.ttl()).toBeLessThanOrEqual(1000);
    }
  });

  it('keeps a value that is there, unless the load has shown that there is none to store', async () => {
    for (const [state, kind, payload] of [
      ['failed', 'J', '"v"'],
      ['passed', '-', ''],
      ['none', 'J', '"v"'],
    ] as const) {
      const it = await entry();
      await it.forget();
      await it.lease(MINE);
      await it.fill(MINE);
      await it.lease(THEIRS, await it.seen(), 1);
      expect(await it.release(THEIRS, state, state === 'failed' ? '{}' : '')).toEqual(['released']);
      expect(await it.read()).toMatchObject({ state, kind, payload: Buffer.from(payload) });
    }
  });
});

describe('overwrite', () => {
  it.each([
    ['nothing', undefined, 'forgotten'],
    ['a value without a version', 'none', 'forgotten'],
    ['a lower version', 4, 'overwritten'],
    ['the same version', 5, 'newer'],
    ['a higher version', 6, 'newer'],
  ])('of version 5 over %s', async (_, version, expected) => {
    const it = await entry();
    if (version !== undefined) {
      await it.lease(MINE);
      await it.fill(MINE, '"old"', metaOf('a', 1, typeof version === 'number' ? version : undefined));
    }
    expect(await it.overwrite(5)).toEqual([expected]);
    const after = await it.read();
    expect(after?.payload.toString()).toBe({ forgotten: undefined, overwritten: '"new"', newer: '"old"' }[expected]);
    if (expected === 'overwritten') {
      expect(after).toMatchObject({ version: 5, tags: ['t'], stamp: { incarnation: clockOf('a'), us: 1 } });
    }
  });

  it('takes away the lease of a load that may have read what was before', async () => {
    const it = await entry();
    await it.lease(MINE);
    await it.fill(MINE, '"old"', metaOf('a', 1, 4));
    await it.lease(THEIRS, await it.seen(), 1);
    expect(await it.overwrite(5)).toEqual(['overwritten']);
    expect(await it.fill(THEIRS)).toEqual(['refused']);
  });
});

describe('put', () => {
  it('stores with its TTL where nothing is, and nobody holds it', async () => {
    const it = await entry();
    expect(await it.put('a', 5)).toEqual(['put']);
    expect(await it.read()).toMatchObject({
      state: 'none',
      kind: 'B',
      freshUntilMs: START + 5000,
      stamp: { incarnation: clockOf('a'), us: 5 },
      tags: ['t'],
      payload: Buffer.from('"put"'),
    });
    expect(await it.ttl()).toBeGreaterThan(59_000);
  });

  it.each([
    ['an older stamp', 'a', 4, 'put'],
    ['the same stamp', 'a', 5, 'put'],
    ['a newer stamp', 'a', 6, 'newer'],
    ['a newer stamp of as many digits more', 'a', 10, 'newer'],
    ['a newer stamp of another clock', 'b', 6, 'put'],
    ['an older stamp of another clock', 'b', 4, 'put'],
    ['a newer stamp of a clock whose name begins alike', 'aaaaaaab', 6, 'put'],
    ['a newer stamp of a clock whose name ends alike', 'baaaaaaa', 6, 'put'],
  ] as const)('of stamp 5 over %s', async (_, incarnation, us, expected) => {
    const it = await entry();
    await it.put(incarnation, us, '"old"');
    expect(await it.put('a', 5)).toEqual([expected]);
    expect((await it.read())?.payload.toString()).toBe({ put: '"put"', newer: '"old"' }[expected]);
  });

  it('tells stamps apart that differ by a microsecond', async () => {
    const it = await entry();
    const us = START * 1000;
    await it.put('a', us + 1, '"old"');
    expect(await it.put('a', us)).toEqual(['newer']);
    expect(await it.put('a', us + 1)).toEqual(['put']);
    expect((await it.read())?.stamp.us).toBe(us + 1);
  });

  it.each([['nonsense'], ['x'.repeat(500)], [''], [`1${'-'.repeat(45)}`], [`2${'\0'.repeat(30)}`]])(
    'over what is no entry: %j',
    async (corrupt) => {
      const it = await entry();
      await it.redis.set(it.key, corrupt, 'PX', 60_000);
      expect(await it.put('a', 5)).toEqual(['put']);
      expect((await it.read())?.payload.toString()).toBe('"put"');
    },
  );

  it('sets its own TTL, be it longer or shorter than that of what was there', async () => {
    const it = await entry();
    for (const lifeMs of [60_000, 10_000, 30_000]) {
      await it.put('a', 5, '"v"', lifeMs);
      expect(await it.ttl()).toBeGreaterThan(lifeMs - 1000);
      expect(await it.ttl()).toBeLessThanOrEqual(lifeMs);
    }
  });

  it('that is refused gives a key without a TTL one, and leaves another as it is', async () => {
    const it = await entry();
    await it.put('a', 6);
    await it.redis.persist(it.key);
    expect(await it.put('a', 5, '"old"', 10_000)).toEqual(['newer']);
    expect(await it.ttl()).toBeGreaterThan(9000);
    await it.redis.pexpire(it.key, 500);
    await it.put('a', 5);
    expect(await it.ttl()).toBeLessThanOrEqual(500);
  });

  it('over a lease of an older stamp takes it away: what the holder brings was looked for before', async () => {
    const it = await entry();
    await it.lease(MINE);
    expect(await it.put('a', 5)).toEqual(['put']);
    expect(await it.fill(MINE)).toEqual(['refused']);
    expect((await it.read())?.payload.toString()).toBe('"put"');
  });

  it('under a lease of a newer stamp is refused, and the lease stays', async () => {
    const it = await entry();
    await it.lease(MINE);
    expect(await it.put('a', 0)).toEqual(['newer']);
    expect(await it.fill(MINE)).toEqual(['stored']);
  });

  it('tells those who wait, unless it is refused', async () => {
    const it = await entry();
    const heard: string[] = [];
    const ear = it_.clients.client();
    ear.on('message', (channel) => void heard.push(channel));
    await ear.subscribe(it.bell, `${it.bell}:end`);
    await it.put('a', 6);
    await it.put('a', 5);
    await it.redis.publish(`${it.bell}:end`, '');
    await eventually(() => expect(heard).toContain(`${it.bell}:end`));
    expect(heard).toEqual([it.bell, `${it.bell}:end`]);
  });
});

describe('admit', () => {
  async function variants() {
    const redis = it_.clients.client();
    const clock = await settableClock(redis);
    await clock.set(START);
    const key = `${it_.clients.prefix}:{v}:variants`;
    const all = async (): Promise<string[]> => (await redis.zrange(key, '0', '-1')).toSorted();
    const admit = async (variant: string, ttlMs = 60_000, maxVariants = 20): Promise<string[]> => {
      const [tag, dropped] = await (clock.client.eval(admitLua, 1, key, variant, ttlMs, maxVariants) as Promise<
        [string, string[]]
      >);
      expect(tag).toBe('admitted');
      return dropped;
    };
    /** One after the other, each a millisecond later. */
    const admitAll = async (names: readonly string[]): Promise<string[]> => {
      const dropped: string[] = [];
      for (const name of names) {
        await clock.advance(1);
        dropped.push(...(await admit(name)));
      }
      return dropped;
    };
    return { redis, clock, key, all, admit, admitAll, ttl: () => redis.pttl(key) };
  }

  const named = (count: number): string[] => Array.from({ length: count }, (_, n) => `v${String(n).padStart(2, '0')}`);

  it('keeps twenty, and drops the one stored longest ago for each more', async () => {
    const it = await variants();
    expect(await it.admitAll(named(20))).toEqual([]);
    expect(await it.all()).toEqual(named(20));
    expect(await it.admitAll(['w'])).toEqual(['v00']);
    expect(await it.admitAll(['x', 'y'])).toEqual(['v01', 'v02']);
    expect(await it.all()).toEqual([...named(20).slice(3), 'w', 'x', 'y']);
  });

  it('counts by when a variant was stored last, not first', async () => {
    const it = await variants();
    await it.admitAll([...named(20), 'v00', 'v02']);
    expect(await it.admitAll(['w', 'x'])).toEqual(['v01', 'v03']);
  });

  it('of one that is there already drops nothing: sent again it changes nothing', async () => {
    const it = await variants();
    await it.admitAll(named(20));
    for (let n = 0; n < 3; n += 1) expect(await it.admit('v19')).toEqual([]);
    expect(await it.all()).toEqual(named(20));
    await it.admitAll(['w']);
    expect(await it.admit('w')).toEqual([]);
    expect(await it.redis.zcard(it.key)).toBe(20);
  });

  it('knows what was stored longest ago also within one millisecond', async () => {
    const it = await variants();
    const sent = named(50).toReversed();
    const dropped: string[] = [];
    for (const name of sent) dropped.push(...(await it.admit(name)));
    expect(dropped).toEqual(sent.slice(0, 30));
    expect(await it.all()).toEqual(named(20));
  });

  it('drops all that are too many, where more were kept before', async () => {
    const it = await variants();
    await it.admitAll(named(10));
    await it.clock.advance(1);
    expect(await it.admit('w', 60_000, 4)).toEqual(named(7));
    expect(await it.all()).toEqual(['v07', 'v08', 'v09', 'w']);
  });

  it('does not drop what it was sent for, also when the server’s time has gone back', async () => {
    const it = await variants();
    await it.admitAll(named(20));
    await it.clock.advance(-3_600_000);
    expect(await it.admit('w')).toEqual(['v00']);
    expect(await it.all()).toContain('w');
  });

  it('lives as long as the variant that lives longest', async () => {
    const it = await variants();
    for (const [ttlMs, expected] of [
      [10_000, 10_000],
      [60_000, 60_000],
      [5000, 60_000],
    ] as const) {
      await it.admit('v', ttlMs);
      expect(await it.ttl()).toBeGreaterThan(expected - 1000);
      expect(await it.ttl()).toBeLessThanOrEqual(expected);
    }
  });

  it('gives a key without a TTL one', async () => {
    const it = await variants();
    await it.admit('v');
    await it.redis.persist(it.key);
    await it.admit('v', 10_000);
    expect(await it.ttl()).toBeGreaterThan(9000);
  });

  it('takes any text for a variant', async () => {
    const it = await variants();
    for (const odd of ['', ' ', '-', 'a b', '\u0000', 'é', '+inf']) await it.admit(odd);
    expect(await it.redis.zcard(it.key)).toBe(7);
  });
});

describe('the logical clock', () => {
  async function clocked() {
    const redis = it_.clients.client();
    const clock = await settableClock(redis);
    await clock.set(START);
    const keys = ['clock', 'marks', 'made'].map((part) => `${it_.clients.prefix}:{c}:${part}`) as [
      string,
      string,
      string,
    ];
    const run = (lua: string, ...argv: (string | number)[]) =>
      clock.client.eval(lua, 3, ...keys, ...argv) as Promise<[string, string, string[], string[]]>;
    return {
      redis,
      clock,
      keys,
      mark: async (incarnation: string, tags: string[], aheadMs = 0, everything = 0, maxMarks = 3) =>
        (await run(markLua, incarnation, 3_600_000, aheadMs, everything, maxMarks, ...tags))[1],
      marks: async (incarnation: string, known = '', knownUs = 0, latest = known, latestUs = knownUs) => {
        const [, text, marks, made] = await run(marksLua, incarnation, 3_600_000, known, knownUs, latest, latestUs);
        return { text, marks, made };
      },
    };
  }
  const US = START * 1000;

  it('begins with its floor at its own instant, and gives its keys a TTL', async () => {
    const it = await clocked();
    expect(await it.marks('a')).toEqual({ text: `a ${US} ${US} ${US} 0`, marks: [], made: [] });
    await it.mark('b', ['t'], 1);
    for (const key of it.keys) expect(await it.redis.pttl(key)).toBeGreaterThan(3_590_000);
  });

  it('goes on by at least one with each mark, also when the server’s goes back', async () => {
    const it = await clocked();
    await it.marks('a');
    expect(await it.mark('b', ['t'])).toBe(`a ${US + 1} ${US} ${US} 0`);
    await it.clock.advance(-3_600_000);
    expect(await it.mark('b', ['u'])).toBe(`a ${US + 2} ${US} ${US} 0`);
    expect((await it.marks('b', 'a', US + 1)).marks).toEqual(['u', String(US + 2)]);
    expect((await it.marks('b', 'a', US)).marks).toEqual(['t', String(US + 1), 'u', String(US + 2)]);
  });

  it('never lowers a mark that was dated ahead, and makes it higher each time', async () => {
    const it = await clocked();
    await it.marks('a');
    expect(await it.mark('b', ['t'], 5000)).toBe(`a ${US + 1} ${US} ${US} ${US + 5_000_001}`);
    expect(await it.mark('b', ['t'])).toBe(`a ${US + 2} ${US} ${US} ${US + 5_000_002}`);
    expect((await it.marks('b', 'a', US)).marks).toEqual(['t', String(US + 5_000_002)]);
  });

  it('knows when a mark that is dated ahead was made last, and forgets it with the next that is not', async () => {
    const it = await clocked();
    await it.marks('a');
    await it.mark('b', ['t', 'u'], 5000);
    await it.mark('b', ['plain']);
    expect((await it.marks('b', 'a', US)).made).toEqual(['t', String(US + 1), 'u', String(US + 1)]);
    await it.mark('b', ['t']);
    expect((await it.marks('b', 'a', US + 2)).made).toEqual(['t', String(US + 3)]);
    await it.clock.advance(5001);
    await it.mark('b', ['t']);
    expect((await it.marks('b', 'a', US)).made).toEqual(['u', String(US + 1)]);
  });

  it('knows of as many as it keeps marks, and of the latest', async () => {
    const it = await clocked();
    await it.marks('a');
    for (const tag of ['t1', 't2', 't3', 't4', 't5']) await it.mark('b', [tag], 5000);
    const { made } = await it.marks('b', 'a', US);
    expect(made.filter((_, n) => n % 2 === 0)).toEqual(['t3', 't4', 't5']);
  });

  it('knows when its floor was made, and of what was invalidated below it since', async () => {
    const it = await clocked();
    await it.marks('a');
    const floor = US + 5_000_001;
    expect(await it.mark('b', [], 5000, 1)).toBe(`a ${US + 1} ${floor} ${US + 1} ${floor}`);
    expect(await it.mark('b', [])).toBe(`a ${US + 2} ${floor} ${US + 1} ${floor}`);
    expect(await it.mark('b', ['t'])).toBe(`a ${US + 3} ${floor} ${US + 3} ${floor}`);
    expect(await it.mark('b', [], 0, 1)).toBe(`a ${US + 4} ${floor} ${US + 4} ${floor}`);
    await it.clock.advance(6000);
    const later = US + 6_000_000;
    expect(await it.mark('b', ['t'])).toBe(`a ${later} ${floor} ${US + 4} ${floor}`);
  });

  it('raises its floor to the marks it no longer keeps', async () => {
    const it = await clocked();
    await it.marks('a');
    for (const tag of ['t1', 't2', 't3', 't4', 't5']) await it.mark('b', [tag]);
    expect(await it.marks('b', '', 0)).toEqual({
      text: `a ${US + 5} ${US + 2} ${US + 5} 0`,
      marks: ['t3', String(US + 3), 't4', String(US + 4), 't5', String(US + 5)],
      made: [],
    });
  });

  it('invalidates everything by its floor', async () => {
    const it = await clocked();
    await it.mark('a', ['t']);
    expect(await it.mark('b', [], 0, 1)).toBe(`a ${US + 2} ${US + 2} ${US + 2} 0`);
    expect((await it.marks('b', '', 0)).marks).toEqual([]);
  });

  it.each([[0], [1]])('of which one key is lost (%i) is a new one, whoever finds it', async (lost) => {
    const it = await clocked();
    await it.mark('a', ['t']);
    for (const [name, find] of [
      ['b', async () => (await it.marks('b')).text],
      ['c', () => it.mark('c', ['u'])],
    ] as const) {
      await it.redis.del(it.keys[lost as 0 | 1]);
      await it.clock.advance(10);
      expect(await find()).toMatch(new RegExp(`^${name} `));
      expect((await it.marks('x', '', 0)).marks).not.toContain('t');
    }
  });

  it('that has gone back behind what a process has seen is a new one: the server lost what came after', async () => {
    const it = await clocked();
    await it.mark('a', ['t']);
    expect((await it.marks('b', 'a', US + 1)).text).toMatch(/^a /);
    const { text, marks } = await it.marks('b', 'a', US + 2);
    expect(text).toMatch(/^b /);
    expect(marks).toEqual([]);
  });

  it('that has gone back is noticed also by who has seen it without knowing its marks', async () => {
    const it = await clocked();
    await it.mark('a', ['t']);
    expect((await it.marks('b', '', 0, 'a', US + 1)).text).toMatch(/^a /);
    expect((await it.marks('b', 'a', US, 'a', US + 2)).text).toMatch(/^b /);
  });
});
