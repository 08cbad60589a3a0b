import { setTimeout as sleep } from 'node:timers/promises';
import {
  canStartCluster,
  clientFactory,
  eventually,
  faultProxy,
  ifClientHas,
  race,
  runningTime,
  scale,
  skipUnless,
  startCluster,
  startRedis,
} from '@turnpike/test-kit';
import express, { type Express } from 'express';
import type { Redis } from 'ioredis';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type IdempotencyOptions, idempotency } from '../src/index.ts';
import { heartbeat } from '../src/scripts.ts';
import { type Answer, type Sent, eventsSeen, gate, options, serve } from './app.ts';
import { setting } from '@turnpike/test-kit/vitest';

const it_ = setting();

const keyed = (key: string): Sent => ({ headers: { 'Idempotency-Key': key }, body: { item: 'mug' } });

interface Shop {
  readonly runs: Map<string, number>;
  order(key: string): Promise<Answer>;
  /** An order, and after how many ms it was answered. */
  timed(key: string): Promise<{ status: number; ms: number }>;
}

/** A shop of one route, that counts its runs by key. */
async function shop(
  redis: IdempotencyOptions['redis'],
  more: Partial<IdempotencyOptions> = {},
  work: (key: string) => unknown = () => undefined,
): Promise<Shop> {
  const runs = new Map<string, number>();
  const once = idempotency({ ...options(redis, it_.clients.prefix), deadlineMs: 300, ...more });
  const routes: Express = express();
  routes.post('/orders', express.json(), once, async (req, res) => {
    const key = String(req.headers['idempotency-key']);
    const n = (runs.get(key) ?? 0) + 1;
    runs.set(key, n);
    await work(key);
    res.status(201).json({ key, n });
  });
  const post = await serve(routes);
  const order = (key: string): Promise<Answer> => post('/orders', keyed(key));
  return {
    runs,
    order,
    async timed(key) {
      let status = 0;
      const ms = await runningTime(async () => void ({ status } = await order(key)));
      return { status, ms };
    },
  };
}

/** A client behind a proxy that is connected, and the proxy. */
async function behindProxy(extra: object = {}) {
  const proxy = await faultProxy(it_.server);
  onTestFinished(() => proxy.close());
  const redis: Redis = it_.clients.client({ host: proxy.host, port: proxy.port, retryStrategy: () => 50, ...extra });
  await redis.ping();
  return { proxy, redis };
}

/** Whatever was lost, the retry gets one answer in the end, and there was one run. */
async function endsWithOneRun({ order, runs }: Shop, key: string, withinMs = 4000): Promise<void> {
  await eventually(async () => expect((await order(key)).status).toBe(201), { withinMs, everyMs: 25 });
  expect(runs.get(key)).toBe(1);
  expect((await order(key)).json).toEqual({ key, n: 1 });
}

describe('a claim', () => {
  it('whose reply is lost on the wire is still one run, and is not dead', async () => {
    const { proxy, redis } = await behindProxy();
    const app = await shop(redis, { deadlineMs: 2000 });
    await app.order('warm');
    for (let n = 0; n < 10; n += 1) {
      const lost = proxy.dropNextReply(
        ([name = '', , , key]) => /^eval/i.test(name) && key?.includes('idempotency') === true,
      );
      const [answer] = await Promise.all([app.order(`k${n}`), lost]);
      expect([201, 503]).toContain(answer.status);
      await endsWithOneRun(app, `k${n}`);
    }
  });

  it(
    'whose reply is lost, by a client that sends nothing again, is given back',
    ifClientHas('autoResendUnfulfilledCommands: false'),
    async () => {
      const { proxy, redis } = await behindProxy({ autoResendUnfulfilledCommands: false });
      const app = await shop(redis);
      await app.order('warm');
      const lost = proxy.dropNextReply(([name = '']) => /^eval/i.test(name));
      const [answer] = await Promise.all([app.order('k'), lost]);
      expect(answer.status).toBe(503);
      expect(app.runs.get('k')).toBeUndefined();
      await endsWithOneRun(app, 'k');
    },
  );

  it('that was given up has no effect when Redis gets to it', async () => {
    const redis = it_.clients.client();
    const app = await shop(redis);
    await app.order('warm');
    it_.server.pause();
    const refused = await race(20, (n) => app.order(`k${n}`));
    expect(refused.every(({ status, headers }) => status === 503 && headers['retry-after'] === '1')).toBe(true);
    it_.server.resume();
    await race(20, (n) => endsWithOneRun(app, `k${n}`));
  });

  it('that was granted and told too late is given back', async () => {
    const { proxy, redis } = await behindProxy();
    const app = await shop(redis, { deadlineMs: 100 });
    await app.order('warm');
    proxy.delay({ reply: 250 });
    expect((await app.order('k')).status).toBe(503);
    proxy.pass();
    await endsWithOneRun(app, 'k');
  });

  it('that was told when its lease was half over is not used', async () => {
    const { proxy, redis } = await behindProxy();
    const app = await shop(redis, { deadlineMs: 2000, leaseMs: 400, onInDoubt: 'rerun' });
    await app.order('warm');
    proxy.delay({ reply: 300 });
    expect((await app.order('k')).status).toBe(503);
    expect(app.runs.get('k')).toBeUndefined();
    proxy.pass();
    await endsWithOneRun(app, 'k');
  });

  it('works with a client that gathers its commands (enableAutoPipelining)', async () => {
    const app = await shop(it_.clients.client({ enableAutoPipelining: true }), { deadlineMs: 5000 });
    for (const key of ['a', 'b', 'a', 'b']) expect((await app.order(key)).json).toEqual({ key, n: 1 });
    await race(20, async () => expect([201, 409]).toContain((await app.order('c')).status));
    expect(app.runs.get('c')).toBe(1);
  });
});

describe('without Redis', () => {
  it.each(['paused', 'refused'])('(%s) an order is refused in time, and the next ones at once', async (how) => {
    const { proxy, redis } = await behindProxy();
    const app = await shop(redis);
    await app.order('warm');
    if (how === 'paused') proxy.blackhole();
    else proxy.refuse();
    const first = await app.timed('k');
    expect(first.status).toBe(503);
    expect(first.ms).toBeLessThan(1000);
    const next = await race(10, (n) => app.timed(`k${n}`));
    expect(next.map(({ status }) => status)).toEqual(next.map(() => 503));
    expect(Math.min(...next.map(({ ms }) => ms))).toBeLessThan(100);
    expect(app.runs.size).toBe(1);
    proxy.pass();
    await endsWithOneRun(app, 'k');
  });

  it('under allow it runs, says that it is unprotected, and its answer is kept when Redis is back', async () => {
    const { proxy, redis } = await behindProxy();
    const app = await shop(redis, { onStoreError: 'allow' });
    const events = eventsSeen();
    await app.order('warm');
    proxy.refuse();
    const answer = await app.order('k');
    expect(answer.status).toBe(201);
    expect(answer.headers['idempotent-unprotected']).toBe('true');
    expect(events).toEqual(['run', 'kept', 'unprotected', 'not-stored']);
    proxy.pass();
    await eventually(() => expect(events).toContain('kept'));
    await eventually(() => expect(events.filter((type) => type === 'kept')).toHaveLength(2), { withinMs: 4000 });
    const retried = await app.order('k');
    expect(retried.json).toEqual({ key: 'k', n: 1 });
    expect(retried.headers['idempotent-unprotected']).toBeUndefined();
  });

  it('under allow a doubt stays one: the retry of a 5xx is told so, when Redis is back', async () => {
    const { proxy, redis } = await behindProxy();
    const events = eventsSeen();
    const once = idempotency(options(redis, it_.clients.prefix, { onStoreError: 'allow' }));
    let runs = 0;
    const routes = express().post('/orders', once, (_req, res) => {
      runs += 1;
      res.status(500).end();
    });
    const post = await serve(routes);
    proxy.refuse();
    expect((await post('/orders', { headers: { 'Idempotency-Key': 'k' } })).status).toBe(500);
    proxy.pass();
    await eventually(() => expect(events).toContain('doubted'), { withinMs: 4000 });
    const retried = await post('/orders', { headers: { 'Idempotency-Key': 'k' } });
    expect(retried.json).toMatchObject({ code: 'outcome_unknown', 'first-status': 500 });
    expect(runs).toBe(1);
  });

  it('under allow the app is asked about a doubt by the id that the handler had, also of a derived key', async () => {
    const { proxy, redis } = await behindProxy();
    const events = eventsSeen();
    const ids: string[] = [];
    const once = idempotency(
      options(redis, it_.clients.prefix, {
        onStoreError: 'allow',
        key: () => 'basket',
        onInDoubt({ id }) {
          ids.push(id);
          return 'unknown';
        },
      }),
    );
    const post = await serve(
      express().post('/orders', once, (req, res) => {
        ids.push(once.of(req).id);
        res.status(500).end();
      }),
    );
    proxy.refuse();
    await post('/orders');
    proxy.pass();
    await eventually(() => expect(events).toContain('doubted'), { withinMs: 4000 });
    for (let n = 0; n < 2; n += 1) expect((await post('/orders')).status).toBe(409);
    expect(ids).toEqual([ids[0], ids[0], ids[0]]);
  });

  it.each([
    ['was granted, and told too late,', { reply: 250 }],
    ['is first heard of when Redis is back', undefined],
  ])('under allow a run that %s is in flight for other processes', async (_what, delay) => {
    const { proxy, redis } = await behindProxy();
    const going = gate();
    const app = await shop(redis, { onStoreError: 'allow', deadlineMs: 100 }, () => going.opened);
    const there = await shop(it_.clients.client(), { deadlineMs: 5000 });
    await there.order('warm');
    if (delay === undefined) proxy.refuse();
    else proxy.delay(delay);
    const first = app.order('k');
    await eventually(() => app.runs.get('k') === 1);
    await sleep(300);
    proxy.pass();
    await eventually(async () => expect(await it_.clients.scan('*')).toHaveLength(2), { withinMs: 4000 });
    await sleep(100);
    expect((await there.order('k')).json.code).toBe('idempotency_in_flight');
    going.open();
    expect((await first).status).toBe(201);
  });

  it('a retry that waits for the run of another process is not let run unprotected', async () => {
    const { proxy, redis } = await behindProxy();
    const going = gate();
    const there = await shop(it_.clients.client(), {}, () => going.opened);
    const here = await shop(redis, { onStoreError: 'allow', whileInFlight: 'wait' });
    const first = there.order('k');
    await eventually(() => there.runs.get('k') === 1);
    const retry = here.order('k');
    await sleep(100);
    proxy.refuse();
    expect((await retry).status).toBe(503);
    going.open();
    expect((await first).status).toBe(201);
    expect(here.runs.size).toBe(0);
  });

  it('under allow, too, a process runs a key once at a time, and no other payload for it', async () => {
    const { proxy, redis } = await behindProxy();
    const going = gate();
    const app = await shop(redis, { onStoreError: 'allow' }, () => going.opened);
    proxy.refuse();
    const first = app.order('k');
    await eventually(() => app.runs.get('k') === 1);
    const retries = await race(10, () => app.order('k'));
    expect(retries.map(({ json }) => json.code)).toEqual(retries.map(() => 'idempotency_in_flight'));
    going.open();
    expect((await first).status).toBe(201);
    expect(app.runs.get('k')).toBe(1);
  });

  it('a full memory is refused, and nothing runs', async () => {
    await using own = await startRedis({ maxmemory: '3mb', config: { 'maxmemory-policy': 'noeviction' } });
    await using clients = clientFactory(own);
    const redis = clients.client();
    for (let n = 0; ; n += 1) {
      const full = await redis.set(`fill:${n}`, 'x'.repeat(10_000), 'PX', 60_000).catch(() => 'full');
      if (full === 'full') break;
    }
    const app = await shop(redis);
    expect((await app.order('k')).status).toBe(503);
    expect(app.runs.size).toBe(0);
  });
});

describe('Redis gone while the handler runs', () => {
  /** An order whose handler does not end before Redis is gone, and after how many ms it was answered from then on. */
  async function cutOff(
    app: Shop,
    going: { open(): void },
    vanish: () => unknown,
  ): Promise<{ answer: Answer; ms: number }> {
    const first = app.order('k');
    await eventually(() => app.runs.get('k') === 1);
    await vanish();
    let answer!: Answer;
    const ms = await runningTime(async () => {
      going.open();
      answer = await first;
    });
    return { answer, ms };
  }

  it.each(['paused', 'refused'])(
    '(%s): the client has its answer, and so has the retry when Redis is back',
    async (how) => {
      const { proxy, redis } = await behindProxy();
      const going = gate();
      const events = eventsSeen();
      const app = await shop(redis, {}, () => going.opened);
      const { answer, ms } = await cutOff(app, going, async () => {
        if (how === 'paused') return proxy.blackhole();
        proxy.refuse();
        return eventually(() => redis.status === 'reconnecting');
      });
      expect([answer.status, answer.json]).toEqual([201, { key: 'k', n: 1 }]);
      expect(ms).toBeLessThan(600);
      expect(events).toEqual(['run', 'not-stored']);
      expect([409, 503]).toContain((await app.order('k')).status);
      proxy.pass();
      await endsWithOneRun(app, 'k');
      expect((await app.order('k')).bytes).toEqual(answer.bytes);
    },
  );

  it('and back with nothing in it: what came of the run is known all the same', async () => {
    await using own = await startRedis();
    await using clients = clientFactory(own);
    const redis = clients.client({ retryStrategy: () => 50 });
    const going = gate();
    const app = await shop(redis, {}, () => going.opened);
    const { answer } = await cutOff(app, going, () => own.kill());
    expect(answer.status).toBe(201);
    await own.restart();
    await endsWithOneRun(app, 'k');
  });

  it('and back with nothing in it: a run that goes on is in flight again with its next beat', async () => {
    await using own = await startRedis();
    await using clients = clientFactory(own);
    const redis = clients.client({ retryStrategy: () => 20 });
    const going = gate();
    const app = await shop(redis, { leaseMs: 600 }, () => going.opened);
    const first = app.order('k');
    await eventually(() => app.runs.get('k') === 1);
    await own.kill();
    await own.restart();
    await eventually(async () => expect(await redis.dbsize()).toBe(1), { withinMs: 3000 });
    expect((await app.order('k')).json.code).toBe('idempotency_in_flight');
    going.open();
    expect((await first).status).toBe(201);
    await endsWithOneRun(app, 'k');
  });
});

it('a lost claim is told to the handler: another run has taken over', async () => {
  const redis = it_.clients.client();
  const once = idempotency(options(redis, it_.clients.prefix, { leaseMs: 600 }));
  const lost = gate<unknown>();
  const events = eventsSeen();
  const post = await serve(
    express().post('/orders', once, async (req, res) => {
      const { signal } = once.of(req);
      signal.addEventListener('abort', () => lost.open(signal.reason));
      // Another owner stands in the record, as after a pause longer than the lease.
      const [key = ''] = await it_.clients.scan('*');
      await redis.del(key);
      const other = idempotency(options(redis, it_.clients.prefix));
      await other.ledger.claim({ id: key.slice(key.indexOf('{') + 1, -1), print: 'other' });
      await lost.opened;
      res.status(201).end('first');
    }),
  );
  expect((await post('/orders', { headers: { 'Idempotency-Key': 'k' } })).status).toBe(201);
  expect(await lost.opened).toMatchObject({ code: 'ERR_TURNPIKE_CLAIM_LOST' });
  expect(events.filter((type) => type === 'fenced').length).toBeGreaterThan(0);
  expect(events).not.toContain('kept');
});

it('a doubt that could not be stored is not said after the run was given back', async () => {
  const { proxy, redis } = await behindProxy();
  const events = eventsSeen();
  const going = gate();
  const once = idempotency(options(redis, it_.clients.prefix, { maxRunMs: 100 }));
  const post = await serve(
    express().post('/orders', once, async (req, res) => {
      proxy.refuse();
      await going.opened;
      once.of(req).release();
      res.status(503).end();
    }),
  );
  const first = post('/orders', { headers: { 'Idempotency-Key': 'k' } });
  await eventually(() => expect(events).toEqual(['run', 'expired', 'not-stored']));
  proxy.pass();
  await eventually(() => redis.status === 'ready');
  going.open();
  expect((await first).status).toBe(503);
  await eventually(() => expect(events).toContain('released'));
  await sleep(700);
  expect(await it_.clients.scan('*')).toEqual([]);
});

it('a beat that comes after the run was given back leaves nothing behind', async () => {
  const redis = it_.clients.client();
  const beats = gate();
  /** A client whose beats travel as long as the test likes. */
  const slow = new Proxy(redis, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      const method = value.bind(target) as (...args: unknown[]) => unknown;
      if (name !== 'eval') return method;
      return async (lua: string, ...rest: unknown[]) => {
        if (lua === heartbeat.lua) await beats.opened;
        return method(lua, ...rest);
      };
    },
  });
  const once = idempotency(options(slow, it_.clients.prefix, { leaseMs: 450 }));
  const post = await serve(
    express().post('/orders', once, (_req, res) => void setTimeout(() => res.status(429).end(), 300)),
  );
  expect((await post('/orders', { headers: { 'Idempotency-Key': 'k' } })).status).toBe(429);
  expect(await it_.clients.scan('*')).toEqual([]);
  beats.open();
  await sleep(20);
  await eventually(async () => expect(await it_.clients.scan('*')).toEqual([]));
});

it('a soak of faults: every request has an answer in time, and no key runs twice', async () => {
  const { proxy, redis } = await behindProxy();
  const app = await shop(redis, { leaseMs: 1000 }, () => sleep(Math.random() * 20));
  const requests = scale({ quick: 1500, full: 10_000 });
  const faults = [
    () => proxy.cut(),
    () => proxy.delay(30),
    () => proxy.delay({ reply: 400 }),
    () => proxy.blackhole(),
    () => proxy.refuse(),
    () => proxy.pass(),
    () => proxy.pass(),
  ];
  const over = new AbortController();
  const faulting = (async () => {
    while (!over.signal.aborted) {
      faults[Math.floor(Math.random() * faults.length)]?.();
      await sleep(20 + Math.random() * 180);
      proxy.pass();
      await sleep(Math.random() * 100);
    }
  })();
  let [next, slowestMs] = [0, 0];
  const statuses = new Map<number, number>();
  await race(25, async () => {
    while (next < requests) {
      const { status, ms } = await app.timed(`k${(next += 1) % Math.ceil(requests / 5)}`);
      slowestMs = Math.max(slowestMs, ms);
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
      await sleep(Math.random() * 20);
    }
  });
  over.abort();
  await faulting;
  proxy.pass();
  expect([...statuses.keys()].every((status) => [201, 409, 503].includes(status))).toBe(true);
  expect(slowestMs).toBeLessThan(2000);
  expect([...app.runs].filter(([, n]) => n > 1)).toEqual([]);
  expect(statuses.get(201)).toBeGreaterThan(requests / 20);
});

describe('a Cluster', skipUnless(canStartCluster(), 'there is no redis-server binary'), () => {
  it('holds each identity on one master: all works, and one that hangs refuses its own only', async () => {
    await using cluster = await startCluster({ masters: 3 });
    await using clients = clientFactory(cluster);
    const redis = clients.clusterClient();
    await redis.ping();
    const app = await shop(redis, { deadlineMs: 2000 });
    const keys = Array.from({ length: 30 }, (_, n) => `k${n}`);
    for (const key of keys) {
      expect((await app.order(key)).status).toBe(201);
      expect((await app.order(key)).json).toEqual({ key, n: 1 });
    }
    const quick = await shop(redis, { deadlineMs: 200 });
    cluster.nodes[0]?.pause();
    const statuses = await race(30, async (n) => (await quick.order(`other${n}`)).status);
    cluster.nodes[0]?.resume();
    expect(new Set(statuses)).toEqual(new Set([201, 503]));
  });
});
