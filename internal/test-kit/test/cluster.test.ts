import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  canStartCluster,
  clientFactory,
  type ClusterNode,
  eventually,
  migrateSlot,
  type RedisCluster,
  skipUnless,
  startCluster,
} from '../src/index.ts';
import { keySlot } from '../src/key-slot.ts';

describe(
  'a cluster',
  skipUnless(canStartCluster(), 'there is no redis-server binary, and Docker gives single servers only'),
  () => {
    let cluster: RedisCluster;

    beforeAll(async () => {
      cluster = await startCluster({ masters: 3, replicasPerMaster: 1, nodeTimeoutMs: 500 });
    });
    afterAll(() => cluster.stop());

    test('three masters share the slots, each with a replica', () => {
      expect(cluster.masters.map(({ slots }) => slots)).toEqual([
        [0, 5460],
        [5461, 10_921],
        [10_922, 16_383],
      ]);
      expect(cluster.replicas.map(({ slots }) => slots)).toEqual([undefined, undefined, undefined]);
      expect(new Set(cluster.nodes.map(({ id }) => id)).size).toBe(6);
    });

    test('slots are computed as Redis computes them', async () => {
      await using clients = clientFactory(cluster);
      const redis = clients.client();
      const keys = [
        '',
        'a',
        '{a}b',
        'b{a}',
        '{}a',
        '{}{a}',
        '{a',
        'a}b',
        '{{a}}',
        'Straße',
        '{東京}:1',
        'x'.repeat(1_000),
      ];
      for (const key of keys) expect([key, keySlot(key)]).toEqual([key, await redis.cluster('KEYSLOT', key)]);
    });

    test('nodeOf is where a key is', async () => {
      await using clients = clientFactory(cluster);
      const redis = clients.clusterClient();
      const seen = new Set();
      for (let i = 0; i < 20; i += 1) {
        const key = `${clients.prefix}:{${i}}`;
        await redis.set(key, '1', 'PX', 60_000);
        const node = cluster.nodeOf(key);
        await using direct = clientFactory(node);
        expect(await direct.client().get(key)).toBe('1');
        seen.add(node);
      }
      expect(seen.size).toBe(3);
    });

    test('scan and noKeyWithoutTtl look at every master', async () => {
      await using clients = clientFactory(cluster);
      const redis = clients.clusterClient();
      const keys = Array.from({ length: 30 }, (_, i) => `${clients.prefix}:${i}`);
      for (const key of keys) await redis.set(key, '1', 'PX', 60_000);
      expect((await clients.scan()).toSorted()).toEqual(keys.toSorted());
      await clients.noKeyWithoutTtl();
      for (const key of keys) await redis.persist(key);
      const complaint = await clients.noKeyWithoutTtl().catch(String);
      for (const key of keys) expect(complaint).toContain(key);
    });

    test('a slot moves to another master with its keys, and clients find them there', async () => {
      await using clients = clientFactory(cluster);
      const redis = clients.clusterClient();
      const keys = Array.from({ length: 25 }, (_, i) => `${clients.prefix}:{moving}:${i}`);
      for (const key of keys) await redis.set(key, '1', 'PX', 60_000);
      const from = cluster.nodeOf('{moving}');
      const to = cluster.masters.find((master) => master !== from) as ClusterNode;
      await migrateSlot(cluster, keySlot('{moving}'), { from, to });
      await using direct = clientFactory(to);
      for (const key of keys) expect(await direct.client().get(key)).toBe('1');
      for (const key of keys) expect(await redis.incr(key)).toBe(2);
      await migrateSlot(cluster, keySlot('{moving}'), { from: to, to: from });
      expect(await redis.incr(keys[0] as string)).toBe(3);
    });

    test('a killed master is replaced by its replica, and is a replica itself when it is back', async () => {
      await using clients = clientFactory(cluster);
      const redis = clients.clusterClient();
      const key = `${clients.prefix}:a`;
      await redis.set(key, '1', 'PX', 60_000);
      const master = cluster.nodeOf(key);
      await master.kill();
      await eventually(async () => expect(await redis.set(key, '2', 'PX', 60_000)).toBe('OK'), { withinMs: 10_000 });
      await master.restart();
      await using direct = clientFactory(master);
      await eventually(async () => expect(await direct.client().role()).toContain('slave'), { withinMs: 10_000 });
    });

    test('three masters alone are up within four seconds', async () => {
      const startedAt = performance.now();
      await using small = await startCluster();
      expect(performance.now() - startedAt).toBeLessThan(4_000);
      await using clients = clientFactory(small);
      expect(await clients.clusterClient().set('a', '1', 'PX', 1_000)).toBe('OK');
    });
  },
);
