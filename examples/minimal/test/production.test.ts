import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { createCache } from '@turnpike/cache-aside';
import { createRateLimiter, rateLimit } from '@turnpike/rate-limit';
import { singleSession } from '@turnpike/single-session';
import {
  canStartCluster,
  clientFactory,
  eventually,
  skipUnless,
  startCluster,
  startRedis,
  startReplica,
  startSentinels,
} from '@turnpike/test-kit';
import type { Redis } from 'ioredis';
import request from 'supertest';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { watch } from './docs/production/alerts.ts';
import { createClient, createSentinelClient } from './docs/production/client.ts';
import { createCluster } from './docs/production/cluster.ts';
import { connect } from './docs/production/node-redis.ts';
import { createShop } from './docs/testing/shop.ts';

const folder = join(import.meta.dirname, 'docs/production');
const fileOf = (name: string): string => readFileSync(join(folder, name), 'utf8').trim();

/** A file of redis.conf lines, as the kit takes them. */
const configOf = (name: string): Record<string, string> =>
  Object.fromEntries(
    fileOf(name)
      .split('\n')
      .map((line) => [line.slice(0, line.indexOf(' ')), line.slice(line.indexOf(' ') + 1)]),
  );

/** A client of the page's, which bears in silence that its server is taken away. */
function given(client: Redis): Redis {
  client.on('error', () => undefined);
  onTestFinished(() => client.disconnect());
  return client;
}

const closed = (client: Redis): Promise<void> => new Promise((resolve) => void client.once('close', resolve));

function shopOn(redis: Redis, prefix = 'shop') {
  const shop = createShop({ redis, prefix, deadlineMs: 1_000 });
  onTestFinished(shop.close);
  return {
    ...shop,
    look: () => request(shop.app).get('/products').set('Host', 'shop.test'),
    order: (token: string, key: string) =>
      request(shop.app).post('/orders').auth(token, { type: 'bearer' }).set('Idempotency-Key', key).send({}),
  };
}

describe('docs/production.md', () => {
  it('shows the files that are used here', () => {
    const page = readFileSync(join(import.meta.dirname, '../../../docs/production.md'), 'utf8');
    const files = readdirSync(folder);
    expect(files.length).toBe(7);
    const shown = (name: string) => `\`\`\`${name.split('.').at(-1)}\n${fileOf(name)}\n\`\`\``;
    expect(files.filter((name) => !page.includes(shown(name)))).toEqual([]);
  });
});

describe('the server', () => {
  it.each(['durable.conf', 'cache.conf', 'replicas.conf'])('takes every line of %s', async (name) => {
    const config = configOf(name);
    await using server = await startRedis({ config });
    await using clients = clientFactory(server);
    const told = await Promise.all(Object.keys(config).map((key) => clients.client().config('GET', key)));
    const plain = (value: string) => value.replace('1gb', String(1024 ** 3)).replace('""', '');
    expect(Object.fromEntries(told as [string, string][])).toEqual(
      Object.fromEntries(Object.entries(config).map(([key, value]) => [key, plain(value)])),
    );
  });

  it.each([
    ['durable.conf', []],
    ['cache.conf', ['TURNPIKE_WARN_EVICTION', 'TURNPIKE_WARN_EVICTION']],
  ])('by %s keeps sessions and idempotency keys, or they warn: %j', async (name, expected) => {
    const codes: unknown[] = [];
    const note = (warning: Error & { code?: string }) => codes.push(warning.code);
    process.on('warning', note);
    onTestFinished(() => void process.off('warning', note));
    await using server = await startRedis({ config: configOf(name) });
    const shop = shopOn(given(createClient(server.url)));
    const { token } = await shop.sessions.login('ann');
    await shop.order(token, 'k').expect(201);
    await eventually(() => expect(codes.length).toBeGreaterThanOrEqual(expected.length));
    expect(codes).toEqual(expected);
  });

  it('by durable.conf loses no session and no answer when it is killed; the one by cache.conf is empty', async () => {
    await using durable = await startRedis({ config: configOf('durable.conf') });
    await using cached = await startRedis({ config: configOf('cache.conf') });
    const redis = given(createClient(durable.url));
    const shop = shopOn(redis);
    const { token } = await shop.sessions.login('ann');
    const first = await shop.order(token, 'k').expect(201);
    const other = given(createClient(cached.url));
    const cache = createCache({ redis: other, ttlMs: 60_000, deadlineMs: 1_000 });
    onTestFinished(() => cache.close());
    await cache.getOrLoad('product', () => 'Mug');
    await eventually(async () => expect(await other.dbsize()).toBeGreaterThan(0));
    await Promise.all([durable.restart(), cached.restart()]);
    const again = await eventually(() => shop.order(token, 'k').expect(201), { withinMs: 5_000 });
    expect([again.body, again.headers['idempotent-replayed']]).toEqual([first.body, 'true']);
    expect(await eventually(() => other.dbsize(), { withinMs: 5_000 })).toBe(0);
  });

  it('by volatile-ttl evicts pages before sessions and idempotency keys', async () => {
    await using server = await startRedis({ maxmemory: '5mb', config: { 'maxmemory-policy': 'volatile-ttl' } });
    const redis = given(createClient(server.url));
    const shop = shopOn(redis);
    const users = Array.from({ length: 20 }, (_, n) => `user-${n}`);
    const logins = await Promise.all(users.map((user) => shop.sessions.login(user)));
    const first = await Promise.all(logins.map(({ token }) => shop.order(token, 'k').expect(201)));
    const page = 'a page '.repeat(1_500);
    for (let n = 0; n < 1_000; n += 50) {
      const fifty = Array.from({ length: 50 }, (_, m) => `page-${n + m}`);
      await Promise.all(fifty.map((key) => shop.cache.getOrLoad(key, () => page)));
    }
    expect(Number(/evicted_keys:(\d+)/.exec(await redis.info('stats'))?.[1])).toBeGreaterThan(100);
    const again = await Promise.all(logins.map(({ token }) => shop.order(token, 'k').expect(201)));
    expect(again.map(({ body }) => body)).toEqual(first.map(({ body }) => body));
  });

  it.each([
    ['that is full and evicts nothing', { maxmemory: '1' }],
    ['that misses its replicas', configOf('replicas.conf')],
  ])(
    '%s: limits are counted here, orders and logins refused, pages rendered, invalidations wait',
    async (_, config) => {
      await using server = await startRedis();
      const redis = given(createClient(server.url));
      const shop = shopOn(redis);
      // One that notes a use after 100 ms, instead of after three minutes.
      const strict = singleSession({
        redis,
        prefix: 'strict',
        deadlineMs: 1_000,
        idleMs: 1_000,
        jwt: { secret: 'thirty-two bytes or more, in a test', algorithm: 'HS256', issuer: 'shop', audience: 'web' },
      });
      const { token } = await shop.sessions.login('ann');
      const used = await strict.login('ann');
      // Two processes with what one of them loaded.
      const [mine, theirs] = [given(createClient(server.url)), given(createClient(server.url))].map((client) => {
        const cache = createCache({ redis: client, ttlMs: 60_000, deadlineMs: 1_000 });
        onTestFinished(() => cache.close());
        return cache;
      });
      const read = (cache: typeof mine, name: string) =>
        cache!.getOrLoad('product', () => Promise.resolve(name), { tags: ['catalogue'] });
      await read(mine, 'Mug');
      await eventually(async () => expect(await read(theirs, 'nothing')).toBe('Mug'));

      await Promise.all(Object.entries(config).map(([key, value]) => redis.config('SET', key, value)));
      expect((await shop.look().expect(200)).headers['cache-status']).toBe('turnpike; fwd=bypass; detail=store');
      expect(await shop.limit.limiter.take('bob')).toMatchObject({ allowed: true, degraded: true });
      await shop.order(token, 'k').expect(503);
      await expect(shop.sessions.login('bob')).rejects.toThrow(/OOM|NOREPLICAS/);
      // A guard reads, until it is time to note that the session is used.
      await shop.sessions.verify(token);
      await eventually(() => expect(strict.verify(used.token)).rejects.toThrow(/OOM|NOREPLICAS/));

      expect(await mine!.invalidate({ tags: ['catalogue'] })).toEqual({ delivered: 0, queued: 1 });
      expect(await read(mine, 'Cup')).toBe('Cup');
      expect(await read(theirs, 'Cup')).toBe('Mug');
      await Promise.all(Object.keys(config).map((key) => redis.config('SET', key, '0')));
      await eventually(async () => expect(await read(theirs, 'Cup')).toBe('Cup'));
    },
  );
});

describe('the client', () => {
  it('leaves a master that has become a replica, and one that has vanished', async () => {
    await using server = await startRedis();
    await using clients = clientFactory(server);
    const redis = given(createClient(server.url));
    const limiter = createRateLimiter({ redis, limit: 100, windowMs: 60_000, deadlineMs: 1_000 });
    expect((await limiter.take('ann')).degraded).toBe(false);

    await clients.client().replicaof('127.0.0.1', 1);
    const left = closed(redis);
    expect((await limiter.take('ann')).degraded).toBe(true);
    await left;
    await clients.client().replicaof('NO', 'ONE');
    await eventually(async () => expect((await limiter.take('ann')).degraded).toBe(false), { withinMs: 5_000 });

    server.pause();
    const vanished = closed(redis);
    expect((await limiter.take('ann')).degraded).toBe(true);
    await vanished;
    server.resume();
    await eventually(async () => expect((await limiter.take('ann')).degraded).toBe(false), { withinMs: 5_000 });
  });

  describe('of several servers', skipUnless(canStartCluster(), 'there is no redis-server binary'), () => {
    it('follows a Sentinel from a master that hangs to its replica', async () => {
      await using master = await startRedis();
      await using replica = await startReplica(master);
      await using watch = await startSentinels(master, 1, { name: 'shop' });
      const redis = given(createSentinelClient([...watch.sentinels], 'shop'));
      const shop = shopOn(redis);
      const { token } = await shop.sessions.login('ann');
      await replica.caughtUp();
      master.pause();
      await eventually(() => shop.order(token, 'k').expect(201), { withinMs: 20_000 });
      expect(redis.stream.remotePort).toBe(replica.port);
    });

    it('of a Cluster decides on each key’s master', async () => {
      await using cluster = await startCluster({ masters: 3 });
      const redis = createCluster([...cluster.startupNodes]);
      onTestFinished(() => redis.disconnect());
      const limit = rateLimit({ redis, limit: 2, windowMs: 60_000, deadlineMs: 1_000 });
      const decisions = await Promise.all(
        ['a', 'b', 'c', 'd', 'e', 'f'].flatMap((key) => [1, 2, 3].map(() => limit.limiter.take(key))),
      );
      expect(decisions.filter(({ allowed }) => allowed).length).toBe(12);
      expect(decisions.some(({ degraded }) => degraded)).toBe(false);
    });
  });
});

it('alerts.ts counts what should not happen', async () => {
  const counted = new Set<string>();
  watch((label) => counted.add(label));
  await using server = await startRedis({ config: { 'maxmemory-policy': 'allkeys-lru' } });
  const redis = given(createClient(server.url));
  const shop = shopOn(redis);
  const { token } = await shop.sessions.login('ann');
  await shop.order(token, 'k').expect(201);
  await shop.look().expect(200);
  await eventually(() => expect([...counted]).toEqual(['TURNPIKE_WARN_EVICTION']));
  await server.kill();
  await shop.limit.limiter.take('ann');
  await shop.cache.getOrLoad('product', () => 'Mug');
  await shop.cache.invalidate({ keys: ['product'] });
  await shop.order(token, 'k2').expect(503);
  expect(counted).toEqual(
    new Set(['TURNPIKE_WARN_EVICTION', 'rate-limit decided by local', 'cache passed by', 'invalidation waits']),
  );
});

describe('node-redis', () => {
  it('as the page sets it up starts without Redis, leaves one that hangs, and is back when that is', async () => {
    const warned = vi.spyOn(console, 'warn').mockImplementation(() => undefined);
    onTestFinished(() => warned.mockRestore());
    await using server = await startRedis();
    await server.kill();
    const { client, redis } = connect(server.url);
    onTestFinished(() => client.destroy());
    const limiter = createRateLimiter({ redis, limit: 1000, windowMs: 60_000, deadlineMs: 500 });
    const isDegraded = async (): Promise<boolean> => (await limiter.take('ann')).degraded;
    expect(await isDegraded()).toBe(true);
    await server.restart();
    await eventually(async () => expect(await isDegraded()).toBe(false));
    server.pause();
    expect(await isDegraded()).toBe(true);
    await eventually(() => expect(client.isReady).toBe(false), { withinMs: 4_000 });
    server.resume();
    await eventually(async () => expect(await isDegraded()).toBe(false));
    expect(warned).toHaveBeenCalled();
  });
});
