import { once } from 'node:events';
import { createHash } from 'node:crypto';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';
import {
  type Clients,
  type RedisServer,
  clientFactory,
  countCommands,
  eventually,
  faultProxy,
  isHandshake,
  ifClientHas,
  race,
  runningTime,
  settableClock,
  startCluster,
  startRedis,
} from '@turnpike/test-kit';
import { Redis as Redis5 } from 'ioredis5';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Cluster, Redis } from 'ioredis';
import { StoreError } from '../src/errors.ts';
import { defineScript } from '../src/script.ts';
import { storeOf } from '../src/store.ts';
import { clockLua } from '../src/lua.gen.ts';
import { count, read } from './counter-script.ts';

const clockSha = createHash('sha1').update(clockLua).digest('hex');

let server: RedisServer;
let clients: Clients<Redis, Cluster>;

beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => server.stop());
beforeEach(() => {
  clients = clientFactory(server);
});
afterEach(async () => {
  server.resume();
  await clients.close();
});

const key = (name = 'counter'): string => `${clients.prefix}:{${name}}`;
const ready = async (client: Redis): Promise<Redis> => {
  if (client.status !== 'ready') await once(client, 'ready');
  return client;
};

/** How a promise ended, and after how many ms. */
async function timed<T>(promise: Promise<T>): Promise<{ ms: number; value?: T; error?: StoreError }> {
  const ended: { value?: T; error?: StoreError } = {};
  const ms = await runningTime(() =>
    promise.then(
      (value) => void (ended.value = value),
      (error: unknown) => void (ended.error = error as StoreError),
    ),
  );
  return { ms, ...ended };
}

describe('a deadline', () => {
  it('ends a call on a paused Redis in time; the next ones fail at once; resumed, all is well again', async () => {
    const store = storeOf(clients.client());
    await store.call(count, key(), { deadlineMs: 1000 });

    server.pause();
    const startedAt = performance.now();
    const first = await timed(store.call(count, key(), { deadlineMs: 100 }));
    expect(first.error).toMatchObject({ code: 'ERR_TURNPIKE_STORE_TIMEOUT' });
    expect(performance.now() - startedAt).toBeGreaterThan(95);
    expect(first.ms).toBeLessThan(150);
    for (let call = 0; call < 20; call += 1) {
      const next = await timed(store.call(count, key(), { deadlineMs: 100 }));
      expect(next.error).toMatchObject({ code: 'ERR_TURNPIKE_STORE_TIMEOUT' });
      expect(next.ms).toBeLessThan(20);
    }

    server.resume();
    const resumedAt = performance.now();
    await eventually(async () => expect(await store.call(count, key(), { deadlineMs: 100 })).toBe(2));
    expect(performance.now() - resumedAt).toBeLessThan(1000);
  });

  it('is paid once by a chain of calls: each waits only what its own deadline has beyond the silence', async () => {
    const store = storeOf(await ready(clients.client()));
    await store.call(count, key(), { deadlineMs: 1000 });
    server.pause();
    const startedAt = performance.now();
    for (const deadlineMs of [50, 250, 100, 250, 200]) {
      await expect(store.call(count, key(), { deadlineMs })).rejects.toThrow(StoreError);
    }
    expect(performance.now() - startedAt).toBeLessThan(300);
  });

  it('of 50 ms passing on an 80 ms Redis does not shut out a call that has 200', async () => {
    await using proxy = await faultProxy(server);
    const store = storeOf(await ready(clients.client({ host: proxy.host, port: proxy.port })));
    await store.call(count, key(), { deadlineMs: 1000 });
    proxy.delay({ request: 40, reply: 40 });
    const calls = Array.from({ length: 30 }, async (_, n) => {
      await new Promise((resolve) => setTimeout(resolve, n * 10));
      await store.call(read, key(), { deadlineMs: 50 }).catch(() => undefined);
      return store.call(count, key(), { deadlineMs: 200 });
    });
    expect(new Set(await Promise.all(calls)).size).toBe(30);
  });

  it('is not taken for passed by an event loop that stalled: 50 healthy calls, 150 ms stall, none looks dead', async () => {
    const store = storeOf(await ready(clients.client()));
    await store.call(count, key(), { deadlineMs: 1000 });
    for (let round = 0; round < 5; round += 1) {
      const calls = race(50, () => store.call(count, key(), { deadlineMs: 100 }));
      const until = performance.now() + 150;
      while (performance.now() < until); // the stall
      const afterwards = store.call(count, key(), { deadlineMs: 100 });
      expect(await calls).toHaveLength(50);
      await afterwards;
    }
  });

  it('is not taken for passed where a stall of about its length keeps commands in this process', async () => {
    const store = storeOf(await ready(clients.client()));
    await store.call(count, key(), { deadlineMs: 1000 });
    for (const stallMs of [97, 100, 102, 105, 108]) {
      const call = store.call(count, key(), { deadlineMs: 100 });
      const until = performance.now() + stallMs;
      while (performance.now() < until); // the stall
      await call;
    }
  });

  it('is not taken for passed where timers come before the command is written, as behind setImmediate', async () => {
    const store = storeOf(await ready(clients.client()));
    await store.call(count, key(), { deadlineMs: 1000 });
    for (const stallMs of [101, 104, 108]) {
      await new Promise((resolve) => setImmediate(resolve));
      const call = store.call(count, key(), { deadlineMs: 100 });
      const until = performance.now() + stallMs;
      while (performance.now() < until); // the stall
      await call;
    }
  });

  it('leaves room for a stall also where commands are written late (enableAutoPipelining)', async () => {
    const store = storeOf(await ready(clients.client({ enableAutoPipelining: true })));
    await store.call(count, key(), { deadlineMs: 1000 });
    for (let round = 0; round < 3; round += 1) {
      const calls = race(50, () => store.call(count, key(), { deadlineMs: 100 }));
      const until = performance.now() + 150;
      while (performance.now() < until); // the stall
      expect(await calls).toHaveLength(50);
    }
  });

  it('ends calls whose promise never settles, and these do not darken the connection that follows', async () => {
    await using proxy = await faultProxy(server);
    const client = await ready(
      clients.client({ host: proxy.host, port: proxy.port, autoResendUnfulfilledCommands: false }),
    );
    const store = storeOf(client);
    await store.call(count, key(), { deadlineMs: 1000 });
    proxy.blackhole();
    await race(5, () => expect(store.call(count, key(), { deadlineMs: 60 })).rejects.toThrow('within 60 ms'));
    proxy.cut();
    proxy.pass();
    await once(client, 'ready');
    expect(await store.call(read, key(), { deadlineMs: 100 })).toBeGreaterThan(0);
  });
});

describe('a grant', () => {
  it('given up at its deadline has no effect when Redis gets to it, whenever in the silence it was sent', async () => {
    const store = storeOf(await ready(clients.client()));
    await store.call(count, key(), { deadlineMs: 1000 });
    let granted = 1;
    for (let round = 0; round < 8; round += 1) {
      server.pause();
      const calls = Array.from({ length: 12 }, async (_, n) => {
        await new Promise((resolve) => setTimeout(resolve, n * 10));
        return store.call(count, key(), { deadlineMs: 60 }).then(
          () => 1,
          () => 0,
        );
      });
      await new Promise((resolve) => setTimeout(resolve, 50 + round * 10));
      server.resume();
      for (const one of await Promise.all(calls)) granted += one;
      await eventually(async () => expect(await store.call(read, key(), { deadlineMs: 100 })).toBe(granted));
    }
  });

  it('is not charged after a client’s own commandTimeout has ended it', async () => {
    const client = await ready(clients.client({ commandTimeout: 40 }));
    const store = storeOf(client);
    await store.call(count, key(), { deadlineMs: 1000 });
    server.pause();
    await expect(store.call(count, key(), { deadlineMs: 1000 })).rejects.toThrow(StoreError);
    server.resume();
    await eventually(async () => expect(await store.call(read, key(), { deadlineMs: 100 })).toBe(1));
  });

  it('is asked again when the server’s clock has jumped ahead, and granted inside its deadline', async () => {
    const client = await ready(clients.client());
    const clock = await settableClock(client);
    const store = storeOf(clock.client);
    expect(await store.call(count, key(), { deadlineMs: 200 })).toBe(1);
    await clock.advance(3_600_000);
    expect(await store.call(count, key(), { deadlineMs: 200 })).toBe(2);
  });

  it('that comes after it was given up is handed to onAbandoned, once', async () => {
    await using proxy = await faultProxy(server);
    const store = storeOf(await ready(clients.client({ host: proxy.host, port: proxy.port })));
    await store.call(count, key(), { deadlineMs: 1000 });
    proxy.delay({ reply: 120 });
    const abandoned: number[] = [];
    const call = store.call(count, key(), { deadlineMs: 60, onAbandoned: (n) => abandoned.push(n) });
    await expect(call).rejects.toThrow('within 60 ms');
    await eventually(() => expect(abandoned).toEqual([2]));
  });
});

describe('start-up and recovery', () => {
  it('serves the first call of a fresh client, while it is still connecting', async () => {
    const client = clients.client();
    expect(client.status).toBe('connecting');
    expect(await storeOf(client).call(count, key(), { deadlineMs: 500 })).toBe(1);
  });

  it('connects a lazy client by its first call, and not before', ifClientHas('lazyConnect'), async () => {
    const client = clients.client({ lazyConnect: true });
    const store = storeOf(client);
    expect(client.status).toBe('wait');
    expect(await race(3, () => store.call(count, key(), { deadlineMs: 500 }))).toHaveLength(3);
  });

  it('answers at once while the client is reconnecting or closed, and feeds no queue', async () => {
    await using proxy = await faultProxy(server);
    const client = await ready(clients.client({ host: proxy.host, port: proxy.port }));
    const store = storeOf(client);
    await store.call(count, key(), { deadlineMs: 1000 });
    proxy.refuse();
    await eventually(() => client.status === 'reconnecting');
    for (let call = 0; call < 20; call += 1) {
      const { ms, error } = await timed(store.call(count, key(), { deadlineMs: 100 }));
      expect(error).toMatchObject({ code: 'ERR_TURNPIKE_STORE_UNREACHABLE' });
      expect(ms).toBeLessThan(20);
    }
    proxy.pass();
    await eventually(() => client.status === 'ready');
    expect(await store.call(count, key(), { deadlineMs: 100 })).toBe(2);
    client.disconnect();
    await eventually(() => client.status === 'end');
    await expect(store.call(count, key(), { deadlineMs: 100 })).rejects.toThrow('not connected (end)');
  });

  it('works when Redis comes after the app', async () => {
    await using late = await startRedis();
    await late.kill();
    const client = clients.client({ host: late.host, port: late.port });
    const store = storeOf(client);
    const early = await timed(store.call(count, key(), { deadlineMs: 100 }));
    expect(early.error).toBeInstanceOf(StoreError);
    expect(early.ms).toBeLessThan(150);
    await late.restart();
    await eventually(async () => expect(await store.call(count, key(), { deadlineMs: 100 })).toBeGreaterThan(0));
  });

  it('survives a restart of Redis under load: no call hangs, and the scripts come back by themselves', async () => {
    await using own = await startRedis();
    const store = storeOf(await ready(clients.client({ host: own.host, port: own.port })));
    await store.call(count, key(), { deadlineMs: 1000 });
    const calls: Promise<{ ms: number; value?: number }>[] = [];
    const load = setInterval(() => calls.push(timed(store.call(count, key(), { deadlineMs: 100 }))), 2);
    await own.kill();
    await own.restart();
    await eventually(async () => expect(await store.call(count, key(), { deadlineMs: 100 })).toBeGreaterThan(0));
    clearInterval(load);
    for (const { ms } of await Promise.all(calls)) expect(ms).toBeLessThan(150);
  });

  it('sends a script by its text to a connection that is new, and by its hash from then on', async () => {
    await using own = await startRedis();
    const client = await ready(clients.client({ host: own.host, port: own.port }));
    const store = storeOf(client);
    const commands = async (): Promise<(string | undefined)[]> => {
      // Behind the question for the server's time, so that the grant need not be sent twice for want of it.
      await store.call(read, key(), { deadlineMs: 1000 });
      return (
        await countCommands(own, () => store.call(count, key(), { deadlineMs: 1000 }), {
          where: (command) => !isHandshake(command) && command[1] !== clockLua && command[1] !== clockSha,
        })
      ).map(([name]) => name?.toLowerCase());
    };
    expect(await commands()).toEqual(['eval']);
    expect(await commands()).toEqual(['evalsha']);
    await own.kill();
    await own.restart();
    await once(client, 'ready');
    expect(await commands()).toEqual(['eval']);
    await client.script('FLUSH');
    expect(await commands()).toEqual(['evalsha', 'eval']);
  });

  it('asks the server for its time as soon as there is a connection, so that the first grant need not', async () => {
    const client = clients.client();
    const store = storeOf(client);
    const commands = await countCommands(server, async () => {
      await ready(client);
      await eventually(async () => void (await client.ping()));
      await store.call(count, key(), { deadlineMs: 1000 });
    });
    expect(commands.filter(([name, text]) => name === 'eval' && text !== clockLua)).toHaveLength(1);
  });

  it('of the scripts after SCRIPT FLUSH costs no error and has no second effect', async () => {
    const client = await ready(clients.client());
    const store = storeOf(client);
    for (let call = 1; call <= 20; call += 1) {
      if (call % 3 === 0) await client.script('FLUSH');
      expect(await store.call(count, key(), { deadlineMs: 1000 })).toBe(call);
    }
  });
});

describe('what one turn of the event loop asks', () => {
  it('leaves in its order, the first command at once and all others in one write', ifClientHas('stream'), async () => {
    const client = await ready(clients.client());
    const store = storeOf(client);
    await store.call(count, key(), { deadlineMs: 1000 });
    await store.call(count, key(), { deadlineMs: 1000 });
    const { stream } = client as unknown as { stream: Socket };
    const [alone, together] = [vi.spyOn(stream, '_write'), vi.spyOn(stream, '_writev')];
    const calls = race(20, () => store.call(count, key(), { deadlineMs: 1000 }));
    expect(alone).toHaveBeenCalledTimes(1);
    expect(await calls).toEqual(Array.from({ length: 20 }, (_, n) => n + 3));
    expect([alone, together].map(({ mock }) => mock.calls.length)).toEqual([1, 1]);
    expect(stream.writableCorked).toBe(0);
  });

  it(
    'is not held up in a process whose turns are long: nearly all grants come in time',
    ifClientHas('stream'),
    async () => {
      const store = storeOf(await ready(clients.client()));
      await store.call(count, key(), { deadlineMs: 1000 });
      const ends: Promise<string>[] = [];
      for (let turn = 0; turn < 10; turn += 1) {
        await sleep(1);
        for (let n = 0; n < 3; n += 1)
          ends.push(store.call(count, key(), { deadlineMs: 50 }).then(() => 'given', String));
        const until = performance.now() + 70;
        while (performance.now() < until); // the turn
      }
      const given = (await Promise.all(ends)).filter((told) => told === 'given');
      // Of the first turn nobody knows that it will be long; and a machine that is busy besides may hold one up.
      expect(given.length).toBeGreaterThan(20);
    },
  );
});

describe('an error reply', () => {
  const reply = async (client: Redis): Promise<{ ms: number; error?: StoreError }> =>
    timed(storeOf(client).call(count, key(), { deadlineMs: 1000 }));

  it('of a key of another type is a configuration error', async () => {
    const client = await ready(clients.client());
    await client.hset(key(), 'a', 'b');
    await client.pexpire(key(), 60_000);
    expect((await reply(client)).error).toMatchObject({ code: 'ERR_TURNPIKE_STORE_CONFIGURATION', status: 503 });
  });

  it('of a user without the right is a configuration error', async () => {
    const admin = await ready(clients.client());
    await admin.call('ACL', 'SETUSER', 'narrow', 'on', '>pw', '~other:*', '+@all');
    const client = await ready(clients.client({ username: 'narrow', password: 'pw' }));
    expect((await reply(client)).error?.message).toMatch(/NOPERM/);
    await admin.call('ACL', 'DELUSER', 'narrow');
  });

  it('of a script that may not run a command, or that finds what is not ours, is a configuration error', async () => {
    const admin = await ready(clients.client());
    await admin.call('ACL', 'SETUSER', 'narrow', 'on', '>pw', '~*', '+@all', '-incr');
    const client = await ready(clients.client({ username: 'narrow', password: 'pw' }));
    expect((await reply(client)).error).toMatchObject({ code: 'ERR_TURNPIKE_STORE_CONFIGURATION' });
    await admin.call('ACL', 'DELUSER', 'narrow');
    const broken = defineScript({
      lua: 'return nil .. KEYS[1]',
      encode: (k: string) => ({ keys: [k], argv: [] }),
      decode: String,
    });
    await expect(storeOf(admin).call(broken, key(), { deadlineMs: 1000 })).rejects.toMatchObject({
      code: 'ERR_TURNPIKE_STORE_CONFIGURATION',
    });
  });

  it('says the server’s words, and neither the key nor what was sent with it', async () => {
    const admin = await ready(clients.client());
    const secret = `${key()}:a-secret`;
    await admin.hset(secret, 'a', 'b');
    await admin.pexpire(secret, 60_000);
    await admin.call('ACL', 'SETUSER', 'narrow', 'on', '>pw', '~other:*', '+@all');
    const client = await ready(clients.client({ username: 'narrow', password: 'pw' }));
    for (const [one, code] of [
      [admin, /WRONGTYPE/],
      [client, /NOPERM/],
    ] as const) {
      const error = await storeOf(one)
        .call(count, secret, { deadlineMs: 1000 })
        .catch((thrown: unknown) => thrown);
      expect(String(error)).toMatch(code);
      expect(inspect(error, { depth: 10, showHidden: true })).not.toContain('a-secret');
    }
    await admin.call('ACL', 'DELUSER', 'narrow');
  });

  it('of a full memory goes straight to the caller, and does not count as silence', async () => {
    await using full = await startRedis({ maxmemory: '100kb', config: { 'maxmemory-policy': 'noeviction' } });
    const client = await ready(clients.client({ host: full.host, port: full.port }));
    const { ms, error } = await reply(client);
    expect(error).toMatchObject({ code: 'ERR_TURNPIKE_STORE_REPLY' });
    expect(error?.message).toMatch(/OOM/);
    expect(ms).toBeLessThan(200);
    await client.config('SET', 'maxmemory', '0');
    expect((await reply(client)).error).toBeUndefined();
  });
});

describe('an error', () => {
  it('says whether the command may have had an effect all the same: only when it was sent, and not answered', async () => {
    await using proxy = await faultProxy(server);
    const client = await ready(clients.client({ host: proxy.host, port: proxy.port }));
    const store = storeOf(client);
    await store.call(count, key(), { deadlineMs: 1000 });
    const failure = (deadlineMs = 60): Promise<StoreError | undefined> =>
      timed(store.call(count, key(), { deadlineMs })).then(({ error }) => error);

    proxy.blackhole();
    expect(await failure()).toMatchObject({ code: 'ERR_TURNPIKE_STORE_TIMEOUT', mayHaveRun: true });
    // The silence is counted from when the command was written, which is a little after it was asked for.
    expect(await failure(30)).toMatchObject({ code: 'ERR_TURNPIKE_STORE_TIMEOUT', mayHaveRun: false });
    proxy.refuse();
    await eventually(() => client.status === 'reconnecting');
    expect(await failure()).toMatchObject({ code: 'ERR_TURNPIKE_STORE_UNREACHABLE', mayHaveRun: false });
    await clients.client().set(key('text'), 'no hash', 'PX', 1000);
    const other = storeOf(await ready(clients.client()));
    await other.call(read, key('text'), { deadlineMs: 1000 }).catch(() => undefined);
    await expect(other.call(count, key('text'), { deadlineMs: 1000 })).rejects.toMatchObject({ mayHaveRun: false });
  });
});

describe('a read', () => {
  it('is one MGET, and tells the server’s time, never later than it is', async () => {
    const client = await ready(clients.client());
    const store = storeOf(client);
    await client.set(key('a'), 'A', 'PX', 5000);
    await Promise.all(store.read([key('a')], { deadlineMs: 1000 }));
    const seen = await countCommands(server, async () => {
      const [a, b] = await Promise.all(store.read([key('a'), key('b')], { deadlineMs: 1000 }));
      expect([a?.value, b?.value]).toEqual([Buffer.from('A'), null]);
      expect(b?.nowUs).toBe(a?.nowUs);
      const [seconds, us] = await client.time();
      const behindUs = Number(seconds) * 1e6 + Number(us) - (a?.nowUs ?? 0);
      expect(behindUs).toBeGreaterThanOrEqual(0);
      expect(behindUs).toBeLessThan(1e6);
    });
    expect(seen.map(([name]) => name?.toLowerCase())).toEqual(['mget', 'time']);
  });

  it('ends at its deadline on a paused Redis, the next ones at once, and is back within a second', async () => {
    const store = storeOf(await ready(clients.client()));
    const read = () => timed(Promise.all(store.read([key()], { deadlineMs: 100 })));
    await read();
    server.pause();
    const first = await read();
    expect(first.error).toMatchObject({ code: 'ERR_TURNPIKE_STORE_TIMEOUT' });
    expect(first.ms).toBeLessThan(150);
    expect((await read()).ms).toBeLessThan(20);
    server.resume();
    await eventually(async () => expect((await read()).error).toBeUndefined(), { withinMs: 1000 });
  });

  it('of keys on several masters of a Cluster is one each, and a master that hangs is not in the way of the others', async () => {
    await using cluster = await startCluster();
    await using there = clientFactory(cluster);
    const client = there.clusterClient();
    if (client.status !== 'ready') await once(client, 'ready');
    const keys = [1, 2, 3, 4, 5, 6].map((n) => `${there.prefix}:{${n}}`);
    for (const [n, one] of keys.entries()) await client.set(one, String(n), 'PX', 5000);
    const read = (deadlineMs: number) => Promise.allSettled(storeOf(client).read(keys, { deadlineMs }));
    const values = (await read(1000)).map((one) => one.status === 'fulfilled' && String(one.value.value));
    expect(values).toEqual(['0', '1', '2', '3', '4', '5']);
    const hung = cluster.nodeOf(keys[0] as string);
    hung.pause();
    const ends = (await read(200)).map(({ status }) => status === 'fulfilled');
    hung.resume();
    expect(ends).toEqual(keys.map((one) => cluster.nodeOf(one) !== hung));
  });
});

describe('ioredis 5', () => {
  it('is guarded as ioredis 6 is', async () => {
    const client = new Redis5(server.port, server.host, { retryStrategy: () => 50 });
    client.on('error', () => undefined);
    const store = storeOf(client);
    expect(await store.call(count, key(), { deadlineMs: 500 })).toBe(1);
    server.pause();
    await expect(store.call(count, key(), { deadlineMs: 60 })).rejects.toThrow('within 60 ms');
    server.resume();
    await eventually(async () => expect(await store.call(count, key(), { deadlineMs: 100 })).toBe(2));
    client.disconnect();
  });
});
