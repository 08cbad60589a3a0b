import { once } from 'node:events';
import {
  clientFactory,
  countCommands,
  eventually,
  startCluster,
  startRedis,
  startReplica,
  startSentinels,
} from '@turnpike/test-kit';
import * as redis6 from 'redis';
import { describe, expect, it } from 'vitest';
import { fromNodeRedis } from '../../src/node-redis/index.ts';
import { type RedisClient, connectionOf } from '../../src/redis-client.ts';
import { storeOf } from '../../src/store.ts';
import { subscriberOf } from '../../src/subscriber.ts';
import { count } from '../counter-script.ts';
import { LIBRARIES, nodeRedis, quickly, valuesOf } from './clients.ts';

const node = nodeRedis();
const { key } = node;

describe.each(LIBRARIES)('a Cluster of %s', (_name, library) => {
  it('is asked by slot, and one master that hangs is alone', async () => {
    await using cluster = await startCluster({ masters: 3 });
    const client = library.createCluster({
      rootNodes: cluster.startupNodes.map(({ host, port }) => ({ socket: { host, port } })),
      defaults: { socket: { reconnectStrategy: quickly } },
    });
    client.on('error', () => undefined);
    const redis: RedisClient = fromNodeRedis(client);
    expect(redis.status).toBe('end');
    await client.connect();
    node.ends(client);
    expect(redis.status).toBe('ready');

    const store = storeOf(redis);
    const keys = [1, 2, 3, 4, 5, 6].map((n) => `${node.clients.prefix}:{${n}}`) as [string, ...string[]];
    for (const name of keys) {
      const { host, port } = cluster.nodeOf(name);
      expect(connectionOf(redis, name)).toBe(`${host}:${port}`);
      expect(await store.call(count, name, { deadlineMs: 1000 })).toBe(1);
    }
    expect((await valuesOf(store, keys)).map(String)).toEqual(keys.map(() => '1'));

    const heard: string[] = [];
    const subscriber = subscriberOf(redis);
    await subscriber.subscribe('news', { message: (text) => void heard.push(text), missed: () => undefined });
    await client.publish('news', 'a');
    await eventually(() => expect(heard).toEqual(['a']));
    subscriber.close();

    const hung = cluster.nodeOf(keys[0]);
    hung.pause();
    await expect(store.call(count, keys[0], { deadlineMs: 60 })).rejects.toThrow('within 60 ms');
    const well = keys.find((name) => cluster.nodeOf(name) !== hung) as string;
    expect(await store.call(count, well, { deadlineMs: 60 })).toBe(2);
    hung.resume();
    await eventually(async () => expect(await store.call(count, keys[0], { deadlineMs: 100 })).toBe(2));
    const ended = once(client, 'disconnect');
    client.destroy();
    await ended;
    expect(redis.status).toBe('end');
  });
});

describe('Sentinels, asked by node-redis 6', () => {
  it('lead to the next master: calls go on there, and who listens is told of the gap', async () => {
    await using master = await startRedis();
    await using replica = await startReplica(master);
    await using watch = await startSentinels(master, 1);
    // What a Sentinel has heard of and not reached yet, node-redis leaves out for good.
    const sentinel = node.clients.client(watch.sentinels[0]);
    await eventually(async () => {
      expect(String(await sentinel.call('SENTINEL', 'REPLICAS', watch.name))).not.toMatch(/disconnected|s_down/);
    });
    const client = redis6.createSentinel({
      name: watch.name,
      sentinelRootNodes: [...watch.sentinels],
      nodeClientOptions: { socket: { reconnectStrategy: quickly } },
      replicaPoolSize: 1,
    });
    client.on('error', () => undefined);
    node.ends(client);
    const redis = fromNodeRedis(client);
    expect(redis.status).toBe('end');
    await client.connect();
    expect(redis.status).toBe('ready');
    const store = storeOf(redis);
    const heard: string[] = [];
    const subscriber = subscriberOf(redis);
    await subscriber.subscribe('news', {
      message: (text) => void heard.push(text),
      missed: () => void heard.push('(missed)'),
    });
    expect(await store.call(count, key(), { deadlineMs: 1000 })).toBe(1);
    const atReplica = await countCommands(replica, async () => {
      // One of theirs is answered by the replica, none of ours.
      await client.get(key('theirs'));
      expect((await valuesOf(store, [key()])).map(String)).toEqual(['1']);
    });
    expect(atReplica.map(([name]) => name?.toLowerCase())).toEqual(['get']);
    await using here = clientFactory(master);
    await here.client().publish('news', 'a');
    await eventually(() => expect(heard).toEqual(['a']));

    await master.kill();
    const startedAt = performance.now();
    await expect(store.call(count, key(), { deadlineMs: 100 })).rejects.toThrow();
    expect(performance.now() - startedAt).toBeLessThan(500);
    await eventually(async () => expect(await store.call(count, key(), { deadlineMs: 200 })).toBeGreaterThan(0), {
      withinMs: 20_000,
    });
    await using there = clientFactory(replica);
    expect(Number(await there.client().get(key()))).toBeGreaterThan(0);
    await eventually(() => expect(heard.at(-1)).toBe('(missed)'));
    await eventually(async () => {
      await there.client().publish('news', 'b');
      expect(heard.at(-1)).toBe('b');
    });
    subscriber.close();
    await client.close();
    expect(redis.status).toBe('end');
  });
});
