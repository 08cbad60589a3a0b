import { once } from 'node:events';
import { canStartCluster, clientFactory, eventually, faultProxy, skipUnless, startReplica } from '@turnpike/test-kit';
import { setting } from '@turnpike/test-kit/vitest';
import type { Redis } from 'ioredis';
import { expect, it } from 'vitest';
import { createCache } from '../src/index.ts';

const it_ = setting();

const cacheOn = (redis: Redis) => createCache({ redis, prefix: it_.clients.prefix, ttlMs: 60_000, deadlineMs: 5000 });

it(
  'what remains possible: after a failover that lost the invalidation of a key, its old value is shown',
  skipUnless(canStartCluster(), 'there is no redis-server binary'),
  async () => {
    await using proxy = await faultProxy(it_.server);
    await using replica = await startReplica(proxy);
    await using clients = clientFactory(replica);
    const master = it_.clients.client();
    const before = cacheOn(master);
    await before.getOrLoad('k', () => 'old');
    await eventually(() => expect(before.stats().stored).toBe(1));
    await replica.caughtUp();
    proxy.blackhole();
    await before.invalidate({ keys: ['k'] });
    expect(await before.getOrLoad('k', () => 'new')).toBe('new');

    await replica.promote();
    const redis = clients.client();
    await once(redis, 'ready');
    expect(await cacheOn(redis).getOrLoad('k', () => 'new')).toBe('old');
  },
);
