import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  countCommands,
  eventually,
  faultProxy,
  type FaultProxy,
  race,
  type RedisServer,
  startRedis,
} from '../src/index.ts';

let server: RedisServer;
let proxy: FaultProxy;
let direct: Redis;
const open: Redis[] = [];

interface ClientOptions {
  protocol?: 2 | 3;
  autoResendUnfulfilledCommands?: boolean;
  disconnectTimeout?: number;
  retryStrategy?: () => number | null;
}

function connect(options: ClientOptions = {}, { host, port }: { host: string; port: number } = proxy): Redis {
  const redis = new Redis({ host, port, retryStrategy: () => 10, maxRetriesPerRequest: null, ...options });
  redis.on('error', () => undefined);
  open.push(redis);
  return redis;
}

/** Whether a promise settles soon. */
const settlesWithin = (ms: number, promise: Promise<unknown>): Promise<boolean> =>
  Promise.race([
    promise.then(
      () => true,
      () => true,
    ),
    sleep(ms).then(() => false),
  ]);

beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => server.stop());
beforeEach(async () => {
  proxy = await faultProxy(server);
  direct = connect({}, server);
  await direct.flushall();
});
afterEach(async () => {
  for (const redis of open.splice(0)) redis.disconnect();
  await proxy.close();
});

test('without a fault it is not there: replies of every size, in order', async () => {
  const redis = connect();
  const big = Buffer.alloc(3_000_000, 'x');
  await redis.set('big', big);
  expect((await redis.getBuffer('big'))?.equals(big)).toBe(true);
  expect(await race(500, () => redis.incr('n'))).toEqual(Array.from({ length: 500 }, (_, i) => i + 1));
});

test('counts the connections there are', async () => {
  const redis = connect();
  await redis.ping();
  expect(proxy.connections).toBe(1);
  redis.disconnect();
  await eventually(() => proxy.connections === 0);
});

test('without a server behind it a connection is cut', async () => {
  await using toNowhere = await faultProxy({ host: '127.0.0.1', port: 1 });
  const redis = connect({ retryStrategy: () => null }, toNowhere);
  await expect(redis.ping()).rejects.toThrow('Connection is closed');
});

describe('refuse', () => {
  test('ends the connections and refuses new ones, until pass', async () => {
    const redis = connect();
    await redis.ping();
    const errors: NodeJS.ErrnoException[] = [];
    redis.on('error', (error) => errors.push(error));
    proxy.refuse();
    await eventually(() => errors.some(({ code }) => code === 'ECONNREFUSED'));
    expect(proxy.connections).toBe(0);
    proxy.pass();
    expect(await redis.ping()).toBe('PONG');
  });
});

describe('blackhole', () => {
  test('keeps connections, accepts new ones, and delivers everything when the network is back', async () => {
    const redis = connect();
    await redis.set('n', 1);
    proxy.blackhole();
    const late = redis.incr('n');
    const newcomer = connect();
    await once(newcomer, 'connect');
    const later = newcomer.incr('n');
    expect(await settlesWithin(50, Promise.race([late, later]))).toBe(false);
    expect(await direct.get('n')).toBe('1');
    expect(proxy.connections).toBe(2);
    proxy.pass();
    expect([await late, await later].toSorted((a, b) => a - b)).toEqual([2, 3]);
  });

  test('a command that its client gave up, and hung up on, still runs when the network is back', async () => {
    const redis = connect({ disconnectTimeout: 10 });
    await redis.ping();
    proxy.blackhole();
    redis.incr('n').catch(() => undefined);
    await sleep(5);
    redis.disconnect();
    await eventually(() => redis.status === 'end');
    expect(await direct.get('n')).toBeNull();
    proxy.pass();
    await eventually(async () => expect(await direct.get('n')).toBe('1'));
    await eventually(() => proxy.connections === 0);
  });

  test('what it kept is lost by cut', async () => {
    const redis = connect({ autoResendUnfulfilledCommands: false });
    await redis.ping();
    proxy.blackhole();
    void redis.incr('n');
    await sleep(5);
    proxy.cut();
    proxy.pass();
    await once(redis, 'ready');
    expect(await redis.get('n')).toBeNull();
  });
});

describe('delay', () => {
  test('is how long each way takes, and keeps the order', async () => {
    const redis = connect();
    await redis.ping();
    proxy.delay(20);
    const startedAt = performance.now();
    const [first, second] = await Promise.all([redis.incr('n'), redis.incr('n')]);
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(39);
    expect([first, second]).toEqual([1, 2]);
  });

  test('of replies only lets the command run at once', async () => {
    const redis = connect();
    await redis.ping();
    proxy.delay({ reply: 150 });
    const reply = redis.incr('n');
    await eventually(async () => expect(await direct.get('n')).toBe('1'), { withinMs: 100, everyMs: 1 });
    expect(await settlesWithin(0, reply)).toBe(false);
    expect(await reply).toBe(1);
  });

  test('of requests only keeps the command from running', async () => {
    const redis = connect();
    await redis.ping();
    proxy.delay({ request: 150 });
    const reply = redis.incr('n');
    await sleep(10);
    expect(await direct.get('n')).toBeNull();
    expect(await reply).toBe(1);
  });

  test('ends with pass, for what is on its way too', async () => {
    const redis = connect();
    await redis.ping();
    proxy.delay(10_000);
    const reply = redis.incr('n');
    await sleep(5);
    proxy.pass();
    expect(await reply).toBe(1);
  });
});

test('cut ends the connections there are and accepts new ones', async () => {
  const redis = connect();
  await redis.ping();
  const closed = once(redis, 'close');
  proxy.cut();
  await closed;
  expect(await redis.ping()).toBe('PONG');
});

describe.each([2, 3] as const)('dropNextReply with a client of RESP%i', (protocol) => {
  test('the command has run once, and its client never hears of it', async () => {
    const redis = connect({ protocol, autoResendUnfulfilledCommands: false });
    await redis.ping();
    const dropped = proxy.dropNextReply();
    const never = redis.incr('n');
    expect(await dropped).toEqual(['incr', 'n']);
    await once(redis, 'ready');
    expect(await redis.get('n')).toBe('1');
    expect(await settlesWithin(0, never)).toBe(false);
  });

  test('ioredis sends the command again by default, so that a counter is at 2 after one incr', async () => {
    const redis = connect({ protocol });
    await redis.ping();
    const dropped = proxy.dropNextReply(([name]) => name === 'incr');
    const commands = await countCommands(server, async () => expect(await redis.incr('n')).toBe(2));
    await dropped;
    expect(commands).toEqual([
      ['incr', 'n'],
      ['incr', 'n'],
    ]);
  });

  test('the replies before it are delivered: only the one is lost, out of many in flight', async () => {
    const redis = connect({ protocol, autoResendUnfulfilledCommands: false });
    await redis.mset({ a: 'A', b: 'B', c: 'C' });
    const dropped = proxy.dropNextReply(([, key]) => key === 'c');
    const replies = [redis.get('a'), redis.lrange('none', 0, -1), redis.hgetall('none'), redis.get('b')];
    const lost = redis.get('c');
    expect(await Promise.all(replies)).toEqual(['A', [], {}, 'B']);
    expect(await dropped).toEqual(['get', 'c']);
    expect(await settlesWithin(0, lost)).toBe(false);
  });

  test('a reply that is large, nested or an error is dropped whole', async () => {
    const redis = connect({ protocol });
    await redis.set('big', 'x'.repeat(500_000));
    const table = "return { 1, { 'two', { 3, redis.call('GET', 'big') } } }";
    for (const command of [() => redis.get('big'), () => redis.eval(table, 0), () => redis.incr('big').catch(String)]) {
      const dropped = proxy.dropNextReply();
      const again = command();
      await dropped;
      expect(await again).toBeTruthy();
      expect(await redis.echo('in step')).toBe('in step');
    }
  });

  test('works under a delay', async () => {
    const redis = connect({ protocol });
    await redis.ping();
    proxy.delay(10);
    const dropped = proxy.dropNextReply();
    expect(await redis.incr('n')).toBe(2);
    await dropped;
  });
});

test('push frames are not taken for replies', async () => {
  const redis = connect({ protocol: 3 });
  await redis.client('TRACKING', 'ON', 'BCAST');
  const dropped = proxy.dropNextReply(([name]) => name === 'incr');
  await Promise.all([direct.set('a', '1'), direct.set('b', '1')]);
  expect(await redis.get('a')).toBe('1');
  expect(await redis.incr('n')).toBe(2);
  await dropped;
});

test('two drops are two losses', async () => {
  const redis = connect();
  await redis.ping();
  const both = Promise.all([proxy.dropNextReply(), proxy.dropNextReply()]);
  expect(await redis.incr('n')).toBe(3);
  await both;
});

test('a drop whose connection ended before the reply came is still to happen', async () => {
  const redis = connect();
  await redis.ping();
  proxy.delay({ request: 10_000 });
  const dropped = proxy.dropNextReply();
  const reply = redis.incr('n');
  await sleep(5);
  proxy.cut();
  proxy.pass();
  expect(await reply).toBe(2);
  expect(await dropped).toEqual(['incr', 'n']);
});

test('a subscriber gets its messages through the proxy, and no drop', async () => {
  const subscriber = connect();
  await subscriber.subscribe('news');
  const dropped = proxy.dropNextReply(() => true);
  const heard = once(subscriber, 'message');
  await direct.publish('news', 'hello');
  expect(await heard).toEqual(['news', 'hello']);
  await subscriber.unsubscribe('news');
  await proxy.close();
  await expect(dropped).rejects.toThrow('closed before there was a reply to drop');
});

test('redirected, it cuts what is open, and leads to another server', async () => {
  await using other = await startRedis();
  await direct.set('where', 'here');
  await connect({}, other).set('where', 'there');
  const redis = connect();
  expect(await redis.get('where')).toBe('here');
  const ended = once(redis, 'close');
  proxy.redirect(other);
  await ended;
  expect(await redis.get('where')).toBe('there');
});
