import { afterEach, describe, expect, test, vi } from 'vitest';
import {
  canStartCluster,
  canStartRedis,
  clientFactory,
  countCommands,
  NoRedisServer,
  sharedRedis,
  startCluster,
  startRedis,
} from '../src/index.ts';
import { findRedis } from '../src/redis-binary.ts';

afterEach(() => {
  vi.unstubAllEnvs();
});

/** A machine without any: nothing on PATH, not even Docker's client, and what was fetched is not looked at. */
function takeEveryRedisAway(): void {
  vi.stubEnv('TURNPIKE_REDIS', 'docker');
  vi.stubEnv('PATH', '');
}

describe('a server is found', () => {
  test('where TURNPIKE_REDIS_SERVER says, before anywhere else', () => {
    vi.stubEnv('TURNPIKE_REDIS_SERVER', process.execPath);
    expect(findRedis()).toEqual({ kind: 'binary', path: process.execPath });
  });

  test('not elsewhere when that path leads nowhere, so that nobody tests another Redis than he thinks', async () => {
    vi.stubEnv('TURNPIKE_REDIS_SERVER', '/nowhere/redis-server');
    expect(canStartRedis()).toBe(false);
    await expect(startRedis()).rejects.toThrow(
      'TURNPIKE_REDIS_SERVER names /nowhere/redis-server, which cannot be run',
    );
  });
});

describe('without any Redis', () => {
  test('one sentence says how to get one', async () => {
    takeEveryRedisAway();
    expect([canStartRedis(), canStartCluster()]).toEqual([false, false]);
    const failure = startRedis();
    await expect(failure).rejects.toBeInstanceOf(NoRedisServer);
    await expect(failure).rejects.toMatchObject({ code: 'NO_REDIS_SERVER' });
    await expect(failure).rejects.toThrow(/`npm test`.*`brew install redis`.*Docker/);
    await expect(startCluster()).rejects.toBeInstanceOf(NoRedisServer);
  });

  test('an external one is not enough for a test that would stop it', async () => {
    takeEveryRedisAway();
    vi.stubEnv('TURNPIKE_TEST_REDIS_URL', 'redis://127.0.0.1:6379');
    await expect(startRedis()).rejects.toThrow(/TURNPIKE_TEST_REDIS_URL names a server, but this test stops/);
  });
});

describe('sharedRedis', () => {
  test('is a fresh server by default, gone after stop', async () => {
    vi.stubEnv('TURNPIKE_TEST_REDIS_URL', undefined);
    const server = await sharedRedis();
    await using clients = clientFactory(server);
    const redis = clients.client({ retryStrategy: () => null });
    expect(await redis.ping()).toBe('PONG');
    await server.stop();
    await expect(redis.ping()).rejects.toThrow('Connection is closed');
  });

  test('is the server of TURNPIKE_TEST_REDIS_URL, password and all, and stop leaves it alone', async () => {
    await using external = await startRedis({ config: { requirepass: 'p@ss' } });
    vi.stubEnv('TURNPIKE_TEST_REDIS_URL', `redis://:p%40ss@127.0.0.1:${external.port}`);
    const server = await sharedRedis();
    expect(server).toMatchObject({ host: '127.0.0.1', port: external.port, password: 'p@ss' });
    await using clients = clientFactory(server);
    const redis = clients.client();
    expect(await countCommands(server, () => redis.echo('hello'))).toEqual([['echo', 'hello']]);
    await server.stop();
    expect(await redis.ping()).toBe('PONG');
  });
});
