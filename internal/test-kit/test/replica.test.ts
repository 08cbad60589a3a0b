import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  canStartCluster,
  clientFactory,
  eventually,
  faultProxy,
  type RedisServer,
  type ReplicaServer,
  skipUnless,
  startRedis,
  startReplica,
} from '../src/index.ts';

describe(
  'a replica',
  skipUnless(canStartCluster(), 'there is no redis-server binary, and Docker gives single servers only'),
  () => {
    let master: RedisServer;
    let replica: ReplicaServer;

    beforeAll(async () => {
      master = await startRedis();
      await using clients = clientFactory(master);
      await clients.client().set('before', '1', 'PX', 60_000);
      replica = await startReplica(master);
    });
    afterAll(() => Promise.all([replica.stop(), master.stop()]));

    test('has what the master had when it is given, gets what comes, and takes no writes', async () => {
      await using clients = clientFactory(replica);
      const redis = clients.client();
      expect(await redis.get('before')).toBe('1');
      await using ofMaster = clientFactory(master);
      await ofMaster.client().set('after', '1', 'PX', 60_000);
      await eventually(async () => expect(await redis.get('after')).toBe('1'));
      await expect(redis.set('own', '1')).rejects.toThrow(/^READONLY/);
    });

    test('has caught up when it has what any connection has written', async () => {
      await using proxy = await faultProxy(master);
      await using slow = await startReplica(proxy);
      await using clients = clientFactory(master);
      await using ofReplica = clientFactory(slow);
      proxy.delay({ reply: 100 });
      await clients.client().set('written', '1', 'PX', 60_000);
      expect(await ofReplica.client().get('written')).toBeNull();
      await slow.caughtUp();
      expect(await ofReplica.client().get('written')).toBe('1');
    });

    test('promoted, it takes writes, and goes on without its master', async () => {
      await using promoted = await startReplica(master);
      await promoted.promote();
      await using clients = clientFactory(promoted);
      const redis = clients.client();
      expect(await redis.role()).toContain('master');
      expect(await redis.set('own', '1', 'PX', 60_000)).toBe('OK');
      expect(await redis.get('before')).toBe('1');
    });

    test('behind a blackhole it misses what the master acknowledged, and after a failover that is lost', async () => {
      await using doomed = await startRedis();
      await using proxy = await faultProxy(doomed);
      await using heir = await startReplica(proxy);
      await using clients = clientFactory(doomed);
      proxy.blackhole();
      expect(await clients.client().set('acknowledged', '1', 'PX', 60_000)).toBe('OK');
      await doomed.kill();
      await heir.promote();
      await using survivors = clientFactory(heir);
      expect(await survivors.client().get('acknowledged')).toBeNull();
    });
  },
);
