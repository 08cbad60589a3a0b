import { eventually, faultProxy, ifClientHas, startRedis } from '@turnpike/test-kit';
import { setting } from '@turnpike/test-kit/vitest';
import { Redis } from 'ioredis';
import { afterEach, describe, expect, it } from 'vitest';
import { type Cache, createCache } from '../../src/index.ts';
import { l1 } from '../../src/l1/index.ts';
import { cacheWithTier } from './near.ts';

const it_ = setting();
const ending: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ending.splice(0).toReversed()) await end();
});

const coherenceOf = (cache: Cache) => cache.stats().l1?.coherence;

function cacheOf(redis: Redis, l1TtlMs = 60_000): Cache {
  const cache = createCache({
    redis,
    prefix: it_.clients.prefix,
    ttlMs: 60_000,
    deadlineMs: 5000,
    l1: l1({ l1TtlMs }),
  });
  ending.push(() => cache.close());
  return cache;
}

/** A client whose tier hears through a proxy. */
async function heardThroughProxy() {
  const changes = await faultProxy(it_.server);
  ending.push(() => changes.close());
  const redis = it_.clients.client();
  let opened = 0;
  redis.duplicate = (override?: object) => {
    opened += 1;
    return new Redis(changes.url, { ...override });
  };
  return { redis, changes, opened: () => opened };
}

describe('the connection on which a tier hears', () => {
  it.each(['id', 'tracking'])(
    'is made anew, and hears as well as before, where it breaks after CLIENT %s',
    ifClientHas('insides'),
    async (word) => {
      const { redis, changes } = await heardThroughProxy();
      const broken = changes.dropNextReply(
        ([name, of]) => name?.toLowerCase() === 'client' && of?.toLowerCase() === word,
      );
      const cache = cacheOf(redis);
      await broken;
      await eventually(() => expect(coherenceOf(cache)).not.toBe('none'));
      expect(coherenceOf(cache)).toBe('tracking');
    },
  );

  it('is made anew where nothing is heard of it before it is of use', ifClientHas('insides'), async () => {
    const { redis, changes, opened } = await heardThroughProxy();
    changes.blackhole();
    const cache = cacheOf(redis, 1000);
    await eventually(() => expect(opened()).toBeGreaterThan(1), { withinMs: 4000 });
    changes.pass();
    await eventually(() => expect(coherenceOf(cache)).toBe('tracking'), { withinMs: 4000 });
  });

  it('is kept where its user may not ask whether anybody is there', ifClientHas('insides'), async () => {
    await it_.clients.client().call('ACL', 'SETUSER', 'quiet', 'on', 'nopass', '~*', '&*', '+@all', '-ping');
    const redis = it_.clients.client({ username: 'quiet', password: 'any' });
    let opened = 0;
    const { duplicate } = redis;
    redis.duplicate = (override?: object) => {
      opened += 1;
      return duplicate.call(redis, override);
    };
    const cache = cacheOf(redis, 1000);
    await eventually(() => expect(coherenceOf(cache)).toBe('tracking'));
    const heartbeats = async () =>
      (await it_.clients.client().info('commandstats')).match(/cmdstat_ping:.*rejected_calls=(\d+)/)?.[1];
    await eventually(async () => expect(Number(await heartbeats())).toBeGreaterThan(1), {
      withinMs: 4000,
      everyMs: 50,
    });
    // A heartbeat later whoever was not answered has been given up.
    expect([opened, coherenceOf(cache)]).toEqual([1, 'tracking']);
  });

  it('is tried again where the server has refused it for the moment', async () => {
    const admin = it_.clients.client();
    await admin.config('SET', 'lua-time-limit', 1);
    const redis = it_.clients.client({ enableReadyCheck: false });
    await redis.ping();
    const busyLua = `
      local function now() local t = redis.call('TIME') return t[1] * 1000 + t[2] / 1000 end
      local start = now()
      while now() - start < 400 do end`;
    const busy = admin.eval(busyLua, 0);
    const cache = cacheOf(redis);
    await busy;
    await eventually(() => expect(coherenceOf(cache)).toBe('tracking'), { withinMs: 3000 });
  });

  it(
    'is to the server that its client has found, though the last one still answers',
    ifClientHas('insides'),
    async () => {
      const another = await startRedis();
      ending.push(() => another.stop());
      const redis = it_.clients.client();
      const { cache, near } = await cacheWithTier(redis, { prefix: it_.clients.prefix });
      ending.push(() => cache.close());
      redis.options.port = another.port;
      redis.disconnect(true);
      await eventually(async () => expect(await redis.info('server')).toContain(`tcp_port:${another.port}`));
      await cache.getOrLoad('k', () => 'old');
      await near('k', 'old');
      const elsewhere = new Redis(another.url);
      ending.push(() => elsewhere.disconnect());
      await cacheOf(elsewhere).invalidate({ keys: ['k'] });
      await eventually(async () => expect(await cache.getOrLoad('k', () => 'new')).toBe('new'));
    },
  );

  it('ends with its client, and begins again with it', async () => {
    const redis = it_.clients.client();
    const cache = cacheOf(redis);
    await eventually(() => expect(coherenceOf(cache)).toBe('tracking'));
    redis.disconnect();
    await eventually(() => expect(coherenceOf(cache)).toBe('none'));
    await redis.connect();
    await eventually(() => expect(coherenceOf(cache)).toBe('tracking'));
  });

  it('is not there before its client is asked for anything', ifClientHas('lazyConnect'), async () => {
    const redis = it_.clients.client({ lazyConnect: true });
    let opened = 0;
    const { duplicate } = redis;
    redis.duplicate = (override?: object) => {
      opened += 1;
      return duplicate.call(redis, override);
    };
    const cache = cacheOf(redis);
    expect([opened, redis.status]).toEqual([0, 'wait']);
    await cache.getOrLoad('k', () => 'v');
    await eventually(() => expect(coherenceOf(cache)).toBe('tracking'));
    expect(opened).toBeGreaterThan(0);
  });

  it('of many caches leaves no listener of each on their client', async () => {
    const redis = it_.clients.client();
    cacheOf(redis);
    const counts = () => ['ready', 'end'].map((event) => redis.listenerCount(event));
    const before = counts();
    for (let n = 0; n < 20; n += 1) cacheOf(redis);
    expect(counts()).toEqual(before);
  });
});
