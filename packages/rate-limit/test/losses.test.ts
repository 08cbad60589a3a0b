import { once } from 'node:events';
import {
  canStartCluster,
  clientFactory,
  eventually,
  faultProxy,
  fleet,
  skipUnless,
  startRedis,
  startReplica,
} from '@turnpike/test-kit';
import { setting } from '@turnpike/test-kit/vitest';
import type { Redis } from 'ioredis';
import { expect, it } from 'vitest';
import { createRateLimiter } from '../src/index.ts';

const it_ = setting();

const LIMIT = 5;

const limiterOn = (redis: Redis) =>
  createRateLimiter({
    redis,
    prefix: it_.clients.prefix,
    limit: LIMIT,
    windowMs: 60_000,
    charge: 'failure',
    deadlineMs: 5000,
  });

type Limiter = ReturnType<typeof limiterOn>;

/** How many of as many takes as may pass, and some more, do. */
async function admitted(limiter: Limiter): Promise<number> {
  const decisions = [];
  for (let n = 0; n < LIMIT + 3; n += 1) decisions.push(await limiter.take('ann'));
  expect(decisions.filter(({ degraded }) => degraded)).toEqual([]);
  return decisions.filter(({ allowed }) => allowed).length;
}

it('a caller whom a full Redis has evicted begins anew', async () => {
  await using server = await startRedis({ config: { 'maxmemory-policy': 'allkeys-lru' } });
  await using clients = clientFactory(server);
  const redis = clients.client();
  const limiter = limiterOn(redis);
  expect(await admitted(limiter)).toBe(LIMIT);
  const usedBytes = Number(/^used_memory:(\d+)/m.exec(await redis.info('memory'))?.[1]);
  await redis.config('SET', 'maxmemory', String(usedBytes + 500_000));
  await eventually(
    async () => {
      for (let n = 0; n < 100; n += 1) await redis.set(`page ${Math.random()}`, 'x'.repeat(10_000), 'PX', 60_000);
      expect(await redis.exists(...(await redis.keys('*rate-limit*')), 'none')).toBe(0);
    },
    { withinMs: 10_000 },
  );
  expect(await admitted(limiter)).toBe(LIMIT);
});

it(
  'after a failover that lost all its charges, a caller has one more limit, and no more',
  skipUnless(canStartCluster(), 'there is no redis-server binary'),
  async () => {
    await using proxy = await faultProxy(it_.server);
    await using replica = await startReplica(proxy);
    await using clients = clientFactory(replica);
    const master = it_.clients.client();
    await replica.caughtUp();
    proxy.blackhole();
    expect(await admitted(limiterOn(master))).toBe(LIMIT);
    await replica.promote();
    const redis = clients.client();
    await once(redis, 'ready');
    expect(await admitted(limiterOn(redis))).toBe(LIMIT);
  },
);

it('a process that is killed takes no charge with it, and one that stood still knows of all of them', async () => {
  await using members = await fleet(2, new URL('fleet/hold.mjs', import.meta.url), {
    args: { url: it_.server.url, prefix: it_.clients.prefix, limit: LIMIT },
  });
  const told: unknown[] = [];
  members.onMessage((message, index) => told.push([index, message]));
  const limiter = limiterOn(it_.clients.client());
  const [killed, paused] = members.members;
  members.broadcast({ to: 0 });
  await eventually(() => expect(told).toEqual([[0, { allowed: true, used: 1 }]]));
  members.broadcast({ to: 1 });
  await eventually(() => expect(told.at(-1)).toEqual([1, { allowed: true, used: 2 }]));
  await killed!.kill();
  paused!.pause();
  // The two that wait for the end of an answer are still there.
  expect(await admitted(limiter)).toBe(LIMIT - 2);
  paused!.resume();
  members.broadcast({ to: 1 });
  await eventually(() => expect(told.at(-1)).toEqual([1, { allowed: false, used: LIMIT }]));
});
