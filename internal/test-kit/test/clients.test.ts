import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { Redis } from 'ioredis';
import { clientFactory, type Clients, eventually, type RedisServer, startRedis } from '../src/index.ts';

let server: RedisServer;
let clients: Clients;

beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => server.stop());
beforeEach(() => {
  clients = clientFactory(server);
  return () => clients.close();
});

test('every factory has a prefix of its own, of letters and digits', () => {
  expect(clients.prefix).toMatch(/^t[0-9a-f]{8}$/);
  expect(clientFactory(server).prefix).not.toBe(clients.prefix);
});

test('clients take options, and are disconnected by close', async () => {
  const redis = clients.client({ db: 3 });
  await redis.ping();
  expect(redis.options.db).toBe(3);
  await clients.close();
  await eventually(() => redis.status === 'end');
});

test('scan finds what is under the prefix, and under no other', async () => {
  const redis = clients.client();
  const prefixed = clients.client({ keyPrefix: 'app:' });
  const { prefix } = clients;
  await Promise.all(Array.from({ length: 1_500 }, (_, i) => redis.set(`${prefix}:v1:a:${i}`, '', 'PX', 9_000)));
  await prefixed.set(`${prefix}:v1:b`, '', 'PX', 9_000);
  await redis.set('another', '', 'PX', 9_000);
  expect(await clients.scan()).toHaveLength(1_501);
  expect(await clients.scan(':v1:b')).toEqual([`app:${prefix}:v1:b`]);
  expect(await clientFactory(server).scan()).toEqual([]);
});

test('noKeyWithoutTtl names the keys that would stay for ever', async () => {
  const redis = clients.client();
  await redis.set(`${clients.prefix}:mortal`, '', 'PX', 9_000);
  await redis.set('not ours', '');
  await clients.noKeyWithoutTtl();
  await redis.set(`${clients.prefix}:immortal`, '');
  await expect(clients.noKeyWithoutTtl()).rejects.toThrow(`Keys without TTL:\n  ${clients.prefix}:immortal`);
});

test('a client bears the loss of its server, and is back soon after it', async () => {
  const own = await startRedis();
  const own_clients = clientFactory(own);
  const redis = own_clients.client();
  await redis.ping();
  await own.kill();
  await eventually(() => redis.status === 'reconnecting');
  await own.restart();
  expect(await redis.ping()).toBe('PONG');
  await own_clients.close();
  await own.stop();
});

test('makes clients of another copy of ioredis', async () => {
  class Other extends Redis {
    readonly other: boolean = true;
  }
  const others = clientFactory(server, { Redis: Other });
  const redis = others.client();
  expect(redis.other).toBe(true);
  expect(await redis.ping()).toBe('PONG');
  await others.close();
});
