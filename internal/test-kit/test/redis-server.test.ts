import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { Redis } from 'ioredis';
import { afterEach, describe, expect, test } from 'vitest';
import { freePort } from '../src/free-port.ts';
import { eventually, type RedisServerOptions, type RedisServer, startRedis } from '../src/index.ts';
import { isAlive } from './is-alive.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

async function start(options?: RedisServerOptions): Promise<RedisServer> {
  const server = await startRedis(options);
  cleanups.push(() => server.stop());
  return server;
}

function connect({ port }: { port: number }): Redis {
  const redis = new Redis({ port, host: '127.0.0.1', retryStrategy: () => 20, maxRetriesPerRequest: null });
  redis.on('error', () => undefined);
  cleanups.push(() => redis.disconnect());
  return redis;
}

const directoryOf = async (redis: Redis): Promise<string> => (await redis.config('GET', 'dir'))[1] as string;

describe('a server of its own', () => {
  test('answers as soon as it is given, keeps nothing on disk and allows DEBUG', async () => {
    const redis = connect(await start());
    expect(await redis.ping()).toBe('PONG');
    expect(await redis.config('GET', 'save', 'appendonly')).toEqual(
      expect.arrayContaining(['save', '', 'appendonly', 'no']),
    );
    expect(await redis.debug('OBJECT', 'nothing').catch(String)).toContain('no such key');
  });

  test('takes lines of redis.conf and a memory limit', async () => {
    const server = await start({ maxmemory: '5mb', config: { 'maxmemory-policy': 'allkeys-lru' } });
    const redis = connect(server);
    expect(await redis.config('GET', 'maxmemory')).toContain('5242880');
    expect(await redis.config('GET', 'maxmemory-policy')).toContain('allkeys-lru');
  });

  test('listens on 127.0.0.1 only', async () => {
    const redis = connect(await start());
    expect(await redis.config('GET', 'bind')).toContain('127.0.0.1');
  });

  test('runs under the pid it reports, and is gone after stop, with its directory', async () => {
    const server = await start();
    const redis = connect(server);
    expect(await redis.info('server')).toContain(`process_id:${server.pid}\r\n`);
    const directory = await directoryOf(redis);
    expect(existsSync(directory)).toBe(true);
    await server.stop();
    expect(isAlive(server.pid)).toBe(false);
    expect(existsSync(directory)).toBe(false);
  });

  test('fails with the end of its log when it cannot start', async () => {
    await expect(startRedis({ config: { maxmemory: 'lots' } })).rejects.toThrow(/argument must be a memory value/);
  });
});

describe('pause and resume', () => {
  test('a paused server answers nothing until it is resumed, and then what it was asked meanwhile', async () => {
    const server = await start();
    const redis = connect(server);
    await redis.ping();
    server.pause();
    let answered = false;
    const answer = redis.ping().finally(() => (answered = true));
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(answered).toBe(false);
    server.resume();
    expect(await answer).toBe('PONG');
  });

  test('a paused server can be stopped', async () => {
    const server = await start();
    server.pause();
    await server.stop();
    expect(isAlive(server.pid)).toBe(false);
  });
});

describe('kill and restart', () => {
  test('a killed server comes back on its port, empty, under another pid', async () => {
    const server = await start();
    const redis = connect(server);
    await redis.set('key', 'value');
    const { pid } = server;
    await server.kill();
    expect(isAlive(pid)).toBe(false);
    await server.restart();
    expect(server.pid).not.toBe(pid);
    expect(await redis.get('key')).toBeNull();
  });

  test('what was on disk is there after a restart', async () => {
    const server = await start({ config: { appendonly: 'yes', appendfsync: 'always' } });
    const redis = connect(server);
    await redis.set('key', 'value');
    await server.restart();
    expect(await redis.get('key')).toBe('value');
  });

  test('a restart waits for its port when somebody else has it', async () => {
    const server = await start();
    await server.kill();
    const squatter = createServer().listen(server.port, '127.0.0.1');
    await once(squatter, 'listening');
    const restarted = server.restart();
    await new Promise((resolve) => setTimeout(resolve, 50));
    squatter.close();
    await restarted;
    expect(await connect(server).ping()).toBe('PONG');
  });
});

test('a server that another process took the port from is not mistaken for ours', async () => {
  const port = await freePort();
  const first = await start({ port });
  const second = start({ port });
  await new Promise((resolve) => setTimeout(resolve, 50));
  await first.stop();
  expect(await connect(await second).info('server')).toContain(`process_id:${(await second).pid}\r\n`);
});

test('a parent that is killed leaves neither its server nor the directory behind, even a paused one', async () => {
  const parent = spawn(process.execPath, [`${import.meta.dirname}/fixtures/parent.mjs`], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(createInterface({ input: parent.stdout }), 'line')) as [string];
  const { pid, directory } = JSON.parse(line) as { pid: number; directory: string };
  expect(isAlive(pid)).toBe(true);
  parent.kill('SIGKILL');
  await eventually(() => !isAlive(pid) && !existsSync(directory));
});

test('a script that forgets its server ends all the same, and takes it along', async () => {
  const script = spawn(process.execPath, [`${import.meta.dirname}/fixtures/forgetful.mjs`], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(createInterface({ input: script.stdout }), 'line')) as [string];
  if (script.exitCode === null) await once(script, 'exit');
  expect(script.exitCode).toBe(0);
  await eventually(() => !isAlive(Number(line)));
});
