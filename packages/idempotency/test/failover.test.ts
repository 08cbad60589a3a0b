import { once } from 'node:events';
import { canStartCluster, clientFactory, faultProxy, skipUnless, startReplica } from '@turnpike/test-kit';
import { setting } from '@turnpike/test-kit/vitest';
import express from 'express';
import type { Redis } from 'ioredis';
import { expect, it } from 'vitest';
import { idempotency } from '../src/index.ts';
import { options, serve } from './app.ts';

const it_ = setting();

it(
  'after a failover a key that the replica had is replayed, and one that was lost runs again with the same id',
  skipUnless(canStartCluster(), 'there is no redis-server binary'),
  async () => {
    await using proxy = await faultProxy(it_.server);
    await using replica = await startReplica(proxy);
    await using clients = clientFactory(replica);
    const ids: string[] = [];
    const shop = async (redis: Redis) => {
      const claims = idempotency(options(redis, it_.clients.prefix));
      const post = await serve(
        express().post('/', claims, (req, res) => {
          ids.push(claims.of(req).id);
          res.status(201).json({ order: ids.length });
        }),
      );
      return async (key: string) => (await post('/', { headers: { 'Idempotency-Key': key } })).json.order as number;
    };
    const master = it_.clients.client();
    const before = await shop(master);
    expect(await before('had')).toBe(1);
    await replica.caughtUp();
    proxy.blackhole();
    expect(await before('lost')).toBe(2);

    await replica.promote();
    const redis = clients.client();
    await once(redis, 'ready');
    const after = await shop(redis);
    expect(await after('had')).toBe(1);
    expect(await after('lost')).toBe(3);
    // So the UNIQUE column sees it.
    expect(ids[2]).toBe(ids[1]);
  },
);
