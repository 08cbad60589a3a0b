import { readFileSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { eventually, faultProxy, race, startRedis } from '@turnpike/test-kit';
import * as redis6 from 'redis';
import * as redis5 from 'redis5';
import type * as redis61 from 'redis61';
import { describe, expect, expectTypeOf, it } from 'vitest';
import { assertRedisClient, keyPrefixOf } from '../../src/redis-client.ts';
import { type NodeRedisClient, fromNodeRedis } from '../../src/node-redis/index.ts';
import { defineScript } from '../../src/script.ts';
import { storeOf } from '../../src/store.ts';
import { subscriberOf } from '../../src/subscriber.ts';
import { count, read } from '../counter-script.ts';
import { type Client, PROTOCOLS, nodeRedis, valuesOf } from './clients.ts';

const node = nodeRedis();
const { key, clientOf, connected } = node;

/** Where what a client says of a failure is explained. */
const page = readFileSync(new URL('../../../../docs/errors.md', import.meta.url), 'utf8');

const echo = defineScript({
  lua: "return { 'echo', 7, { ARGV[1], false, { ARGV[2] } }, redis.call('SET', KEYS[1], ARGV[1], 'PX', 1000) }",
  encode: ([name, bytes]: [string, Buffer]) => ({ keys: [name], argv: [bytes, 12] }),
  decode: (reply) => reply,
  buffers: true,
});
describe('fromNodeRedis', () => {
  it('takes what node-redis makes, as it is', () => {
    expectTypeOf<ReturnType<typeof redis6.createClient>>().toExtend<NodeRedisClient>();
    expectTypeOf<ReturnType<typeof redis6.createCluster>>().toExtend<NodeRedisClient>();
    expectTypeOf<ReturnType<typeof redis6.createSentinel>>().toExtend<NodeRedisClient>();
    expectTypeOf<ReturnType<typeof redis61.createClient>>().toExtend<NodeRedisClient>();
    expectTypeOf<ReturnType<typeof redis61.createCluster>>().toExtend<NodeRedisClient>();
    expectTypeOf<ReturnType<typeof redis61.createSentinel>>().toExtend<NodeRedisClient>();
  });

  it('gives one object for one connection, and so one guard, whatever options it was asked through', () => {
    const client = clientOf();
    const redis = fromNodeRedis(client);
    expect(fromNodeRedis(client)).toBe(redis);
    expect(fromNodeRedis(client.withTypeMapping({}))).toBe(redis);
    expect(fromNodeRedis(client.duplicate())).not.toBe(redis);
    expect(() => assertRedisClient('rateLimit', redis)).not.toThrow();
  });

  it('refuses a pool, an older client and what is none, and says where it is wanted', () => {
    const pool = redis6.createClientPool({ socket: { host: node.server.host, port: node.server.port } });
    expect(() => fromNodeRedis(pool as unknown as NodeRedisClient)).toThrow('received a pool of clients');
    expect(() => fromNodeRedis(node.clients.client() as unknown as NodeRedisClient)).toThrow('without withTypeMapping');
    for (const older of [redis5.createClient(), redis5.createCluster({ rootNodes: [] })]) {
      expect(() => fromNodeRedis(older as unknown as NodeRedisClient)).toThrow(
        'must be a client of node-redis 6.1 or later, received one of an older version',
      );
    }
    expect(() => fromNodeRedis(undefined as unknown as NodeRedisClient)).toThrow('received undefined without');
    expect(() => assertRedisClient('rateLimit', clientOf())).toThrow(
      'option "redis" must be an ioredis client (5.4 or later), received one of node-redis: give fromNodeRedis(client), ' +
        'of @turnpike/core/node-redis',
    );
  });
});

describe.each(PROTOCOLS)('%s', (_name, library, RESP) => {
  it('replies in the forms that ioredis has: bytes as they are, integers, nulls, nested lists', async () => {
    const redis = fromNodeRedis(await connected(library, { RESP }));
    const bytes = Buffer.from([0, 0xff, 0xc3, 0x28]);
    for (let call = 0; call < 2; call += 1) {
      expect(await storeOf(redis).call(echo, [key(), bytes], { deadlineMs: 1000 })).toEqual([
        Buffer.from('echo'),
        7,
        [bytes, null, [Buffer.from('12')]],
        Buffer.from('OK'),
      ]);
    }
    expect(await valuesOf(storeOf(redis), [key(), key('none')])).toEqual([bytes, null]);
    expect(await redis.eval("return { 'a', 1, false }", 0)).toEqual(['a', 1, null]);
  });

  it('is asked the same by us, whatever it was told of types, timeouts and signals', async () => {
    const client = clientOf(library, {
      RESP,
      commandOptions: { typeMapping: { [redis6.RESP_TYPES.BLOB_STRING]: Buffer, [redis6.RESP_TYPES.NUMBER]: String } },
    });
    const redis = fromNodeRedis(client.withAbortSignal(AbortSignal.abort()));
    await client.connect();
    expect(await redis.eval("return { 'a', 1 }", 0)).toEqual(['a', 1]);
  });

  it('is guarded: an answer within the deadline, at once from then on, and well again within a second', async () => {
    const store = storeOf(fromNodeRedis(await connected(library, { RESP })));
    expect(await store.call(count, key(), { deadlineMs: 1000 })).toBe(1);
    node.server.pause();
    await expect(store.call(count, key(), { deadlineMs: 60 })).rejects.toThrow('within 60 ms');
    const startedAt = performance.now();
    await expect(store.call(count, key(), { deadlineMs: 60 })).rejects.toThrow('within 60 ms');
    expect(performance.now() - startedAt).toBeLessThan(30);
    node.server.resume();
    await eventually(async () => expect(await store.call(count, key(), { deadlineMs: 100 })).toBe(2), {
      withinMs: 1000,
    });
  });

  it('says in ioredis’s words what it is doing', async () => {
    await using proxy = await faultProxy(node.server);
    const client = clientOf(library, { RESP, socket: { host: proxy.host, port: proxy.port } });
    const redis = fromNodeRedis(client);
    const seen = new Set<string>();
    redis.on('ready', () => seen.add('ready'));
    redis.on('end', () => seen.add('end'));
    expect(redis.status).toBe('end');
    const connecting = client.connect();
    expect(redis.status).toBe('connecting');
    await connecting;
    expect([redis.status, ...seen]).toEqual(['ready', 'ready']);
    proxy.refuse();
    await eventually(() => expect(redis.status).toBe('reconnecting'));
    await expect(storeOf(redis).call(read, key(), { deadlineMs: 100 })).rejects.toThrow('not connected (reconnecting)');
    proxy.pass();
    await eventually(() => expect(redis.status).toBe('ready'));
    client.destroy();
    expect([redis.status, ...seen]).toEqual(['end', 'ready', 'end']);
  });

  it('fails at once before it is connected and after it has given up, and needs nothing but its connection', async () => {
    await using late = await startRedis();
    await late.kill();
    const client = clientOf(library, { RESP, socket: { port: late.port, reconnectStrategy: (n) => n < 1 && 10 } });
    const store = storeOf(fromNodeRedis(client));
    await expect(store.call(count, key(), { deadlineMs: 100 })).rejects.toThrow('not connected (end)');
    await client.connect().catch(() => undefined);
    await expect(store.call(count, key(), { deadlineMs: 100 })).rejects.toThrow('not connected (end)');
    await late.restart();
    await client.connect();
    expect(await store.call(count, key(), { deadlineMs: 1000 })).toBe(1);
  });

  it('sends again what a broken connection left without an answer, three times at most', async () => {
    await using proxy = await faultProxy(node.server);
    const client = await connected(library, { RESP, socket: { host: proxy.host, port: proxy.port } });
    const redis = fromNodeRedis(client);
    const increment = "return redis.call('INCR', KEYS[1])";
    const lost = proxy.dropNextReply(([name]) => name === 'eval');
    expect(await redis.eval(increment, 1, key())).toBe(2);
    await lost;

    const always = async (): Promise<void> => {
      await proxy.dropNextReply(([name]) => name === 'eval');
      void always().catch(() => undefined);
    };
    void always().catch(() => undefined);
    await expect(redis.eval(increment, 1, key())).rejects.toThrow('Socket closed unexpectedly');
    expect(page).toContain('| `Socket closed unexpectedly` |');
    expect(await node.clients.client().get(key())).toBe('5');
    await node.clients.client().del(key());
  });

  it('hands on a reply only once it calls itself ready: who hears it may have something to send', async () => {
    await using proxy = await faultProxy(node.server);
    const client = await connected(library, { RESP, socket: { host: proxy.host, port: proxy.port } });
    const redis = fromNodeRedis(client);
    const lost = proxy.dropNextReply(([name]) => name === 'eval');
    const statuses = await race(5, async () => {
      await redis.eval('return 1', 0);
      return redis.status;
    });
    await lost;
    expect(new Set(statuses)).toEqual(new Set(['ready']));
  });

  it('tells replies from failures, and those that no waiting mends from those that pass', async () => {
    const admin = node.clients.client();
    await admin.call('ACL', 'SETUSER', 'narrow', 'on', '>pw', '~other:*', '+@all');
    const store = storeOf(fromNodeRedis(await connected(library, { RESP })));
    const narrow = storeOf(fromNodeRedis(await connected(library, { RESP, username: 'narrow', password: 'pw' })));
    const failure = (lua: string) =>
      defineScript({ lua, encode: (k: string) => ({ keys: [k], argv: [] }), decode: String });
    for (const [asked, lua, code] of [
      [narrow, "return redis.call('GET', KEYS[1])", 'ERR_TURNPIKE_STORE_CONFIGURATION'],
      [store, "return redis.call('HGET', KEYS[1])", 'ERR_TURNPIKE_STORE_CONFIGURATION'],
      [store, "return redis.error_reply('OOM no')", 'ERR_TURNPIKE_STORE_REPLY'],
      [store, "return redis.error_reply('READONLY no')", 'ERR_TURNPIKE_STORE_REPLY'],
      [store, "return redis.error_reply('CROSSSLOT no')", 'ERR_TURNPIKE_STORE_CONFIGURATION'],
    ] as const) {
      await expect(asked.call(failure(lua), key(), { deadlineMs: 1000 })).rejects.toMatchObject({
        code,
        mayHaveRun: false,
      });
    }
    await admin.call('ACL', 'DELUSER', 'narrow');
  });
});

describe('what node-redis says of a failure', () => {
  it.each([
    ['The queue is full', { commandsQueueMaxLength: 8 }, () => undefined],
    ['Disconnects client', {}, (client: Client) => client.destroy()],
  ] as const)('reads "%s", and is explained in docs/errors.md', async (words, options, act) => {
    const client = await connected(redis6, options);
    const store = storeOf(fromNodeRedis(client));
    await store.call(read, key(), { deadlineMs: 1000 });
    node.server.pause();
    const calls = Promise.allSettled(Array.from({ length: 9 }, () => store.call(read, key(), { deadlineMs: 200 })));
    await setImmediate();
    act(client);
    expect((await calls).at(-1)).toMatchObject({
      reason: { code: 'ERR_TURNPIKE_STORE_UNREACHABLE', message: `Redis: ${words}` },
    });
    expect(page).toContain(`| \`${words}\` |`);
  });
});

describe('a client of node-redis 6', () => {
  it('puts its keyPrefix before keys, and we before channels', async () => {
    const redis = fromNodeRedis(await connected(redis6, { keyPrefix: 'app:' }));
    expect(keyPrefixOf(redis)).toBe('app:');
    await storeOf(redis).call(count, key(), { deadlineMs: 1000 });
    expect(await node.clients.scan()).toEqual([`app:${key()}`]);
    await node.clients.client().set(`app:${key('text')}`, 'x', 'PX', 5000);
    expect(await valuesOf(storeOf(redis), [key('text')])).toEqual([Buffer.from('x')]);
    const heard: string[] = [];
    const subscriber = subscriberOf(redis);
    await subscriber.subscribe('news', { message: (text) => void heard.push(text), missed: () => undefined });
    await node.clients.client().publish('app:news', 'a');
    await eventually(() => expect(heard).toEqual(['a']));
    subscriber.close();
  });

  it('with a cache of its own is asked past it', async () => {
    const client = await connected(redis6, { clientSideCache: { ttl: 0, maxEntries: 0 } });
    const store = storeOf(fromNodeRedis(client));
    const admin = node.clients.client();
    for (const value of ['1', '2', '3']) {
      await admin.set(key(), value, 'PX', 5000);
      expect((await valuesOf(store, [key()])).map(String)).toEqual([value]);
    }
    expect(client.clientSideCache?.stats()).toMatchObject({ hitCount: 0, missCount: 0 });
    const subscriber = subscriberOf(fromNodeRedis(client));
    await subscriber.subscribe('news', { message: () => undefined, missed: () => undefined });
    subscriber.close();
  });
});
