import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import { eventually, faultProxy, fleet, race, scale } from '@turnpike/test-kit';
import { setting } from '@turnpike/test-kit/vitest';
import { describe, expect, it, vi } from 'vitest';
import { seenOf } from '../src/envelope.ts';
import { type Cache, type CacheOptions, createCache } from '../src/index.ts';

const it_ = setting();

interface Told {
  readonly loads: number;
  readonly loadedAt: number;
  readonly answers: { value?: string; at?: number; name?: string; code?: string; message?: string }[];
}

const cold = (processes: number, callers: number, more: object = {}) =>
  fleet<Told[]>(processes, new URL('fleet/cold.mjs', import.meta.url), {
    args: {
      url: it_.server.url,
      prefix: it_.clients.prefix,
      callers,
      rounds: 1,
      loadMs: 50,
      loadTimeoutMs: 10_000,
      fails: false,
      ...more,
    },
  });

async function here(more: Partial<CacheOptions> = {}) {
  const redis = it_.clients.client();
  await redis.ping();
  return createCache({ redis, prefix: it_.clients.prefix, ttlMs: 60_000, deadlineMs: 5000, ...more });
}

const never = () => new Promise<string>(() => undefined);

describe('a cold key', () => {
  it('before 8 processes × 100 callers is loaded exactly once, and all have the one value soon', async () => {
    const rounds = scale({ quick: 3, full: 50 });
    await using members = await cold(8, 100, { rounds });
    const told = await members.results;
    const delays: number[] = [];
    for (let round = 0; round < rounds; round += 1) {
      const ofRound = told.map((member) => member[round] as Told);
      expect(ofRound.reduce((sum, { loads }) => sum + loads, 0)).toBe(1);
      expect(new Set(ofRound.flatMap(({ answers }) => answers.map(({ value }) => value))).size).toBe(1);
      const loadedAt = Math.max(...ofRound.map((one) => one.loadedAt));
      delays.push(...ofRound.flatMap(({ answers }) => answers.map(({ at = 0 }) => at - loadedAt)));
    }
    // The median: what is measured is not who else uses this machine. A poll alone would take 25 to 250 ms.
    delays.sort((a, b) => a - b);
    expect(delays[Math.floor(delays.length / 2)]).toBeLessThan(100);
  });

  it('those who wait for another process are told when it is there, long before they would look', async () => {
    const [one, two] = [await here(), await here()];
    const delays = await race(15, async (n) => {
      let loadedAt = 0;
      const load = one.getOrLoad(`k${n}`, async () => {
        await sleep(600 + n * 17);
        loadedAt = performance.now();
        return 'v';
      });
      await eventually(() => expect(one.stats().load).toBe(15));
      expect(await two.getOrLoad(`k${n}`, never)).toBe('v');
      const delayMs = performance.now() - loadedAt;
      await load;
      return delayMs;
    });
    // By then they look every 250 ms: half of them within 80 ms is nothing that happens by itself.
    expect(delays.toSorted((a, b) => a - b)[7]).toBeLessThan(80);
  });

  it('whose loader throws is one call and one error for all, by name and code, and without its words elsewhere', async () => {
    await using members = await cold(4, 50, { fails: true });
    const told = (await members.results).flat();
    expect(told.reduce((sum, { loads }) => sum + loads, 0)).toBe(1);
    const answers = told.flatMap((one) => one.answers.map((answer) => ({ ...answer, isOwn: one.loads > 0 })));
    expect(answers).toHaveLength(200);
    for (const { name, code, message = '', isOwn } of answers) {
      expect({ name, code }).toEqual({ name: 'RangeError', code: 'E_DATABASE' });
      if (!isOwn) expect(message).not.toMatch(/hunter2/);
    }
  });

  it('whose holder is killed is taken over at the end of its lease, by exactly one', async () => {
    await using members = await cold(4, 20, { loadMs: 400, loadTimeoutMs: 1000 });
    const loading: number[] = [];
    let killedAt = 0;
    let tookOverMs = 0;
    members.onMessage((message) => {
      const { loading: index } = message as { loading: number };
      loading.push(index);
      if (loading.length === 1) {
        killedAt = performance.now();
        void members.members[index]?.kill();
      } else tookOverMs = performance.now() - killedAt;
    });
    const told = (await members.results).flat();
    expect(loading).toHaveLength(2);
    expect(told).toHaveLength(3);
    expect(new Set(told.flatMap(({ answers }) => answers.map(({ value }) => value)))).toEqual(
      new Set([String(loading[1])]),
    );
    // A lease is its loader's timeout and a second.
    expect(tookOverMs).toBeGreaterThan(1500);
    expect(tookOverMs).toBeLessThan(3500);
  });
});

describe('a value that is not stored', () => {
  it.each([
    ['shared with those who come meanwhile', 0, async () => undefined],
    ['not past a mark', 1, async (other: Cache) => other.invalidate({ tags: ['t'] })],
    [
      'not past its key’s invalidation',
      1,
      async (other: Cache) => {
        await other.invalidate({ keys: ['k'] });
        await other.getOrLoad('k', () => undefined);
      },
    ],
  ])('is loaded by one caller of a process at a time, and %s', async (_, loads, happen) => {
    const [one, two] = [await here(), await here()];
    const redis = it_.clients.client();
    const isNoted = () =>
      eventually(async () => {
        expect(String(await redis.get(`${it_.clients.prefix}:v1:cache-aside:{k}`))).toMatch(/^2P/);
      });
    await one.getOrLoad('k', () => undefined);
    await isNoted();
    let answer: (value: undefined) => void = () => undefined;
    const first = one.getOrLoad<undefined>('k', ({ tag }) => {
      tag('t');
      return new Promise((resolve) => (answer = resolve));
    });
    await eventually(() => expect(one.stats().alone).toBe(1));
    await happen(two);
    await isNoted();
    const next = vi.fn<() => undefined>(() => undefined);
    const more = race(20, () => one.getOrLoad('k', next));
    await eventually(() => expect(one.stats().alone).toBe(21));
    answer(undefined);
    await Promise.all([first, more]);
    expect(next).toHaveBeenCalledTimes(loads);
  });
});

describe('a failing loader', () => {
  it('is one call and one error object for all callers of its process, and tried again after a pause', async () => {
    const cache = await here();
    const failing = vi.fn<() => Promise<string>>(async () => {
      await sleep(20);
      throw Object.assign(new Error('no'), { code: 'E1' });
    });
    const errors = await race(50, () => cache.getOrLoad('k', failing).catch((error: unknown) => error));
    expect(failing).toHaveBeenCalledOnce();
    expect(new Set(errors).size).toBe(1);
    await expect(cache.getOrLoad('k', failing)).rejects.toMatchObject({ name: 'Error', code: 'E1' });
    expect(failing).toHaveBeenCalledOnce();
    await eventually(async () => expect(await cache.getOrLoad('k', () => 'well')).toBe('well'));
  });

  it.each([
    ['a string', 'words'],
    ['undefined', undefined],
    ['null', null],
    ['a frozen thing', Object.freeze({ name: 7, code: { deep: 1 } })],
  ])('that throws %s throws just that', async (_, thrown) => {
    const [one, two] = [await here(), await here()];
    const failing = (): string => {
      throw thrown;
    };
    expect(await one.getOrLoad('k', failing).catch((error: unknown) => error)).toBe(thrown);
    await eventually(() => expect(one.stats().failed).toBe(1));
    await expect(two.getOrLoad('k', () => 'v')).rejects.toThrow('failed a moment ago');
    await two.invalidate({ keys: ['k'] });
    expect(await two.getOrLoad('k', () => 'v')).toBe('v');
  });
});

describe('a loader that never settles', () => {
  it('has failed after loadTimeoutMs, for all who wait, and its signal is aborted', async () => {
    const [one, two] = [await here({ loadTimeoutMs: 100 }), await here({ loadTimeoutMs: 100 })];
    let aborted: AbortSignal | undefined;
    const first = one.getOrLoad('k', ({ signal }) => {
      aborted = signal;
      return never();
    });
    await eventually(() => expect(one.stats().load).toBe(1));
    const second = two.getOrLoad('k', () => 'not called');
    await expect(first).rejects.toMatchObject({ code: 'ERR_TURNPIKE_LOAD_TIMEOUT', status: 503 });
    await expect(second).rejects.toMatchObject({ code: 'ERR_TURNPIKE_LOAD_TIMEOUT', name: 'LoadTimeoutError' });
    expect(aborted?.aborted).toBe(true);
    expect(aborted?.reason).toMatchObject({ code: 'ERR_TURNPIKE_LOAD_TIMEOUT' });
  });

  it('has not, when its answer came in time and its process stood still', async () => {
    const cache = await here({ loadTimeoutMs: 100 });
    const database = createServer((socket) => socket.end('the row')).listen(0, '127.0.0.1');
    await once(database, 'listening');
    const { port } = database.address() as AddressInfo;
    const load = async (): Promise<string> => {
      const socket = connect(port, '127.0.0.1');
      const [row] = (await once(socket, 'data')) as [Buffer];
      return row.toString();
    };
    const loading = cache.getOrLoad('k', async () => {
      const row = load();
      await setImmediate();
      const until = performance.now() + 150;
      while (performance.now() < until);
      return row;
    });
    expect(await loading).toBe('the row');
    database.close();
  });

  it('and does after all is stored late, if nothing has happened since', async () => {
    const [one, two] = [await here({ loadTimeoutMs: 50 }), await here({ loadTimeoutMs: 50 })];
    for (const [key, isInvalidated] of [
      ['kept', false],
      ['dropped', true],
    ] as const) {
      let answer: (value: string) => void = () => undefined;
      const first = one.getOrLoad(key, () => new Promise<string>((resolve) => (answer = resolve)));
      await expect(first).rejects.toMatchObject({ code: 'ERR_TURNPIKE_LOAD_TIMEOUT' });
      if (isInvalidated) await two.invalidate({ keys: [key] });
      const { stored, refused } = one.stats();
      answer('late');
      await eventually(() => expect(one.stats().stored + one.stats().refused).toBe(stored + refused + 1));
      expect(await two.getOrLoad(key, () => 'new')).toBe(isInvalidated ? 'new' : 'late');
    }
  });
});

describe('a caller that has waited for two leases', () => {
  // Its bound, twice a loader's timeout and a second, is real time.
  const BOUND_MS = 2002;

  it.each([
    ['while another’s goes on', 60_000],
    ['and finds none', BOUND_MS + 50],
  ])('loads for itself, and does not store: %s', async (_, othersMs) => {
    const cache = await here({ loadTimeoutMs: 1 });
    await cache.getOrLoad('warm', () => 1);
    await eventually(() => expect(cache.stats().stored).toBe(1));
    const redis = it_.clients.client();
    const entryOf = (key: string) => `${it_.clients.prefix}:v1:cache-aside:{${key}}`;
    const warm = await redis.getBuffer(entryOf('warm'));
    const [seconds, microseconds] = await redis.time();
    const untilMs = Number(seconds) * 1000 + Math.floor(Number(microseconds) / 1000) + othersMs;
    // A lease of nobody's, by the clock of what has just been stored.
    const held = Buffer.from(seenOf(warm));
    held.write('L', 1);
    held.write('others_other', 2, 'base64url');
    held.writeUIntBE(untilMs, 11, 6);
    held.writeUIntBE(0, 17, 6);
    held.write('-', 23);
    await redis.set(entryOf('k'), held, 'PX', 60_000);
    const startedAt = performance.now();
    expect(await cache.getOrLoad('k', () => 'mine')).toBe('mine');
    expect(performance.now() - startedAt).toBeGreaterThan(BOUND_MS);
    expect(performance.now() - startedAt).toBeLessThan(BOUND_MS + 1000);
    expect(cache.stats()).toMatchObject({ alone: 1, load: 1, stored: 1 });
  });
});

describe('a lease', () => {
  it('has what the look before it has left of the deadline', async () => {
    await using proxy = await faultProxy(it_.server);
    const slow = it_.clients.client({ host: proxy.host, port: proxy.port });
    await slow.ping();
    const cache = createCache({ redis: slow, prefix: it_.clients.prefix, ttlMs: 60_000, deadlineMs: 300 });
    await cache.getOrLoad('warm', () => 1);
    await eventually(() => expect(cache.stats().stored).toBe(1));
    proxy.delay({ reply: 200 });
    expect(await cache.getOrLoad('k', () => 'v')).toBe('v');
    expect(cache.stats()).toMatchObject({ load: 1, alone: 1 });
    proxy.pass();
  });

  it('has a little time also when a stall of the process has used up the deadline', async () => {
    const cache = await here({ deadlineMs: 60 });
    await cache.getOrLoad('warm', () => 1);
    await eventually(() => expect(cache.stats().stored).toBe(1));
    const redis = it_.clients.client();
    // More than once: what is measured is not who else uses this machine.
    for (let n = 0; n < 10 && cache.stats().load === 1; n += 1) {
      await redis.call('CLIENT', 'PAUSE', '20');
      const asked = cache.getOrLoad(`k${n}`, () => 'v');
      await sleep(5);
      const until = performance.now() + 100;
      while (performance.now() < until); // the reply arrives meanwhile
      expect(await asked).toBe('v');
    }
    expect(cache.stats().load).toBe(2);
  });

  it('answered late stores nothing, and does not block others', async () => {
    await using proxy = await faultProxy(it_.server);
    const slow = it_.clients.client({ host: proxy.host, port: proxy.port });
    await slow.ping();
    const one = createCache({ redis: slow, prefix: it_.clients.prefix, ttlMs: 60_000, deadlineMs: 200 });
    await one.getOrLoad('warm', () => 1);
    await eventually(() => expect(one.stats().stored).toBe(1));
    const redis = it_.clients.client();
    const entryKey = `${it_.clients.prefix}:v1:cache-aside:{k}`;
    expect(await redis.exists(entryKey)).toBe(0);
    proxy.delay({ reply: 120 });
    expect(await one.getOrLoad('k', () => 'old')).toBe('old');
    expect(String(await redis.get(entryKey))).toMatch(/^2L/); // it was given
    proxy.pass();
    await eventually(async () => expect(await redis.exists(entryKey)).toBe(0));
    const two = await here();
    const startedAt = performance.now();
    expect(await two.getOrLoad('k', () => 'new')).toBe('new');
    expect(performance.now() - startedAt).toBeLessThan(1000);
    expect(one.stats().alone).toBe(1);
  });

  it('whose reply was lost, and that the client sent again, is one lease', async () => {
    await using proxy = await faultProxy(it_.server);
    const redis = it_.clients.client({ host: proxy.host, port: proxy.port, retryStrategy: () => 1 });
    await redis.ping();
    const cache = createCache({ redis, prefix: it_.clients.prefix, ttlMs: 60_000, deadlineMs: 5000 });
    await cache.getOrLoad('warm', () => 1);
    await eventually(() => expect(cache.stats().stored).toBe(1));
    const lost = proxy.dropNextReply((command) => /^eval/i.test(command[0] ?? ''));
    const loader = vi.fn<() => string>(() => 'v');
    expect(await cache.getOrLoad('k', loader)).toBe('v');
    await lost;
    await eventually(() => expect(cache.stats().stored).toBe(2));
    expect(await cache.getOrLoad('k', loader)).toBe('v');
    expect(loader).toHaveBeenCalledOnce();
  });
});
