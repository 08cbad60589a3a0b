import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { SHIPPED_CLOCK_LINE } from '../src/clock.gen.ts';
import {
  clientFactory,
  type Clients,
  settableClock,
  type SettableClock,
  type SharedRedis,
  sharedRedis,
} from '../src/index.ts';

const lua = `${SHIPPED_CLOCK_LINE}
return { time[1], time[2], ARGV[1] }`;
const sha = createHash('sha1').update(lua).digest('hex');

let server: SharedRedis;
let clients: Clients;
let clock: SettableClock<Redis>;

beforeAll(async () => {
  server = await sharedRedis();
  clients = clientFactory(server);
});
afterAll(async () => {
  await clients.close();
  await server.stop();
});
beforeEach(async () => {
  clock = await settableClock(clients.client());
});

test('begins at the time of the server, in whole ms', async () => {
  expect(Math.abs(clock.now() - Date.now())).toBeLessThan(2_000);
  expect(Number.isInteger(clock.now())).toBe(true);
});

test('stands still, and goes where it is told, backwards too', async () => {
  const read = (): Promise<unknown> => clock.client.eval(lua, 0, 'argument');
  await clock.set(1_700_000_000_123.456);
  expect(await read()).toEqual(['1700000000', '123456', 'argument']);
  expect(await read()).toEqual(['1700000000', '123456', 'argument']);
  await clock.advance(0.001);
  expect(await read()).toEqual(['1700000000', '123457', 'argument']);
  await clock.advance(-200);
  expect(await read()).toEqual(['1699999999', '923457', 'argument']);
  expect(clock.now()).toBe(1_699_999_999_923.457);
});

test('has the shape of TIME: strings, microseconds without leading zeros', async () => {
  await clock.set(1_700_000_000_000);
  expect(await clock.client.eval(lua, 0, '')).toEqual(['1700000000', '0', '']);
  expect(await clock.client.callBuffer('EVAL', lua, 0, '')).toEqual([
    Buffer.from('1700000000'),
    Buffer.from('0'),
    Buffer.of(),
  ]);
});

test('a script is unknown by its hash until its text was sent, and again when the server forgot it', async () => {
  await expect(clock.client.evalsha(sha, 0, 'a')).rejects.toThrow(/^NOSCRIPT/);
  await clock.client.eval(lua, 0, 'a');
  await clock.set(1_000);
  expect(await clock.client.evalsha(sha, 0, 'b')).toEqual(['1', '0', 'b']);
  expect(await clock.client.callBuffer('evalsha', sha, 0, 'b')).toEqual(
    ['1', '0', 'b'].map((word) => Buffer.from(word)),
  );
  await clock.client.script('FLUSH');
  await expect(clock.client.evalsha(sha, 0, 'a')).rejects.toThrow(/^NOSCRIPT/);
});

test('two clocks on one server do not disturb each other', async () => {
  const other = await settableClock(clients.client());
  await clock.set(1_000);
  await other.set(2_000);
  expect(await clock.client.eval(lua, 0, '')).toEqual(['1', '0', '']);
  expect(await other.client.eval(lua, 0, '')).toEqual(['2', '0', '']);
});

test('works behind a keyPrefix', async () => {
  const prefixed = await settableClock(clients.client({ keyPrefix: 'app:' }));
  await prefixed.set(1_000);
  expect(await prefixed.client.eval(lua, 1, 'key', 'a')).toEqual(['1', '0', 'a']);
});

test('refuses a script that asks for the time in another way than the shipped ones, which it would not rule', async () => {
  const reply = clock.client.eval("return redis.call('TIME')[1]", 0);
  await expect(reply).rejects.toThrow(/does not hold the line/);
});

test('leaves a script alone that asks no time', async () => {
  expect(await clock.client.eval('return 1', 0)).toBe(1);
  expect(await clock.client.evalsha(createHash('sha1').update('return 1').digest('hex'), 0)).toBe(1);
});

test('everything else is the client itself', async () => {
  await clock.client.set(`${clients.prefix}:a`, '1', 'PX', 1_000);
  expect(await clock.client.get(`${clients.prefix}:a`)).toBe('1');
  expect(await clock.client.call('GET', `${clients.prefix}:a`)).toBe('1');
  expect(await clock.client.call('PING')).toBe('PONG');
  expect(clock.client.status).toBe('ready');
  expect(clock.client.options.port).toBe(server.port);
  const copy = clock.client.duplicate();
  expect(await copy.ping()).toBe('PONG');
  copy.disconnect();
});
