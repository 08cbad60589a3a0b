import type { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  clientFactory,
  type Clients,
  countCommands,
  type RedisServer,
  race,
  startCounting,
  startRedis,
} from '../src/index.ts';
import { parseMonitorLine } from '../src/monitor-line.ts';

let server: RedisServer;
let clients: Clients;
let redis: Redis;

beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => server.stop());
beforeEach(async () => {
  clients = clientFactory(server);
  redis = clients.client();
  await redis.ping();
  return () => clients.close();
});

test('sees what a client sent, in order, with its arguments', async () => {
  const commands = await countCommands(server, async () => {
    await redis.set('a', '1', 'PX', 1_000);
    await redis.get('a');
  });
  expect(commands).toEqual([
    ['set', 'a', '1', 'PX', '1000'],
    ['get', 'a'],
  ]);
});

test('a script is one command, whatever it does inside', async () => {
  const lua = "redis.call('SET', KEYS[1], '1', 'PX', 1000) return redis.call('GET', KEYS[1])";
  const commands = await countCommands(server, () => redis.eval(lua, 1, 'a'));
  expect(commands).toEqual([['eval', lua, '1', 'a']]);
});

test('misses none of a thousand', async () => {
  const commands = await countCommands(server, () => race(1_000, (i) => redis.incrby('n', i)));
  expect(commands.map(([, , i]) => Number(i))).toEqual(Array.from({ length: 1_000 }, (_, i) => i));
});

test('leaves out the handshakes of new connections, unless told to keep them', async () => {
  const connectAndGet = (): Promise<unknown> => clients.client().get('a');
  expect(await countCommands(server, connectAndGet)).toEqual([['get', 'a']]);
  const all = await countCommands(server, connectAndGet, { where: () => true });
  expect(all.map(([name]) => name?.toUpperCase())).toEqual(expect.arrayContaining(['HELLO', 'INFO', 'GET']));
});

test('keeps what `where` keeps', async () => {
  const both = (): Promise<unknown> => Promise.all([redis.get('mine'), redis.get('theirs')]);
  expect(await countCommands(server, both, { where: ([, key]) => key === 'mine' })).toEqual([['get', 'mine']]);
});

test('counts what comes while it is on, and nothing after', async () => {
  const count = await startCounting(server);
  await redis.get('a');
  expect(await count.stop()).toEqual([['get', 'a']]);
  await redis.get('b');
  expect(count.commands()).toEqual([['get', 'a']]);
});

test('ends its counting when the counted function fails', async () => {
  const before = (await redis.client('LIST')) as string;
  await expect(countCommands(server, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
  expect((before.match(/cmd=monitor/g) ?? []).length).toBe(0);
  await expect.poll(() => redis.client('LIST')).not.toContain('cmd=monitor');
});

test('fails when the server cannot be reached', async () => {
  await expect(startCounting({ host: '127.0.0.1', port: 1 })).rejects.toThrow('ECONNREFUSED');
});

describe('arguments come back as they were sent', () => {
  test.each([
    ['quotes and backslashes', String.raw`say "no" \n \" \\`],
    ['control characters', 'a\r\n\t\b\x07\0\x1b'],
    ['text beyond ASCII', 'Straße 東京 🚦'],
    ['what looks like the end of a word', '" "'],
    ['nothing', ''],
  ])('%s', async (_, value) => {
    expect(await countCommands(server, () => redis.echo(value))).toEqual([['echo', value]]);
  });

  test('bytes that are no text, one character each', async () => {
    const bytes = Buffer.from([0xff, 0x00, 0x22, 0x5c, 0x80]);
    const [command] = await countCommands(server, () => redis.set('a', bytes));
    expect(Buffer.from(command?.[2] ?? '', 'latin1')).toEqual(bytes);
  });
});

test('a line of another shape is no command', () => {
  expect(parseMonitorLine('OK')).toBeUndefined();
  expect(parseMonitorLine('1.5 [0 unix:/tmp/redis.sock] "get" "a"')).toEqual({
    source: 'unix:/tmp/redis.sock',
    command: ['get', 'a'],
  });
});
