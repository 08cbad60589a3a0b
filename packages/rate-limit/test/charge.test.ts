import { once } from 'node:events';
import { createServer, request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { eventually, faultProxy, race, scale, settableClock } from '@turnpike/test-kit';
import express5 from 'express';
import express4 from 'express4';
import fc from 'fast-check';
import request from 'supertest';
import { describe, expect, it } from 'vitest';
import { type Algorithm, type Charge, createRateLimiter, rateLimit } from '../src/index.ts';
import { setting } from '@turnpike/test-kit/vitest';

const it_ = setting();

const ALGORITHMS: Algorithm[] = ['fixed-window', 'sliding-window', 'token-bucket'];

async function clocked(algorithm: Algorithm, limit = 10) {
  const clock = await settableClock(it_.clients.client());
  await clock.set(Date.UTC(2026, 0, 1));
  const limiter = createRateLimiter({
    redis: clock.client,
    prefix: it_.clients.prefix,
    algorithm,
    limit,
    windowMs: 60_000,
    charge: 'failure',
    deadlineMs: 5000,
  });
  return { clock, limiter };
}

describe.each(ALGORITHMS)('a reservation, %s', (algorithm) => {
  it('is refunded once; again, late or re-sent changes nothing', async () => {
    const { limiter } = await clocked(algorithm);
    const first = await limiter.take('ann', { cost: 3 });
    await limiter.take('ann', { cost: 2 });
    expect((await limiter.peek('ann')).used).toBe(5);
    expect(await limiter.settle(first.reservation!, 'refund')).toBe(true);
    for (let again = 0; again < 5; again += 1) expect(await limiter.settle(first.reservation!, 'refund')).toBe(false);
    expect((await limiter.peek('ann')).used).toBe(2);
  });

  it('never takes from a newer window, goes below zero or creates a key', async () => {
    const { clock, limiter } = await clocked(algorithm);
    const old = await limiter.take('ann', { cost: 6 });
    await clock.advance(60_000);
    await limiter.take('ann', { cost: 4 });
    await limiter.settle(old.reservation!, 'refund');
    expect((await limiter.peek('ann')).used).toBe(4);
    const gone = await limiter.take('bob');
    await limiter.reset('bob');
    expect(await limiter.settle(gone.reservation!, 'refund')).toBe(false);
    expect(await it_.clients.scan('*bob*')).toEqual([]);
  });

  it('frees its room at once: what it held may be taken again', async () => {
    const { limiter } = await clocked(algorithm, 2);
    const [one] = await race(2, () => limiter.take('ann'));
    expect((await limiter.take('ann')).allowed).toBe(false);
    await limiter.settle(one!.reservation!, 'refund');
    expect((await limiter.take('ann')).allowed).toBe(true);
    expect((await limiter.take('ann')).allowed).toBe(false);
  });

  it('in any order of takes, settles and time, used is what was taken and not given back', async () => {
    const { clock, limiter } = await clocked(algorithm, 1000);
    const open = [];
    let expected = 0;
    let random = 7;
    for (let step = 0; step < 200; step += 1) {
      random = (random * 48_271) % 2_147_483_647;
      if (random % 3 === 0 && open.length > 0) {
        const [taken] = open.splice(random % open.length, 1);
        if (await limiter.settle(taken!.reservation!, 'refund')) expected -= taken!.cost;
      } else {
        const cost = 1 + (random % 4);
        open.push({ cost, ...(await limiter.take('ann', { cost })) });
        expected += cost;
      }
      if (algorithm !== 'token-bucket') await clock.advance(random % 50);
    }
    expect((await limiter.peek('ann')).used).toBe(expected);
  });

  it('is kept when it is older than five minutes', async () => {
    const clock = await settableClock(it_.clients.client());
    const limiter = createRateLimiter({
      redis: clock.client,
      prefix: it_.clients.prefix,
      algorithm,
      limit: 10,
      windowMs: 86_400_000,
      charge: 'failure',
      deadlineMs: 5000,
    });
    const old = await limiter.take('ann');
    await clock.advance(300_001);
    await limiter.take('ann');
    expect(await limiter.settle(old.reservation!, 'refund')).toBe(false);
    expect((await limiter.peek('ann')).used).toBe(2);
  });
});

it('a token bucket with refunds never holds more than its burst and what flowed in', async () => {
  const { clock, limiter } = await clocked('token-bucket', 10);
  const tokenMs = 6000;
  const first = await limiter.take('ann', { cost: 10 });
  expect(await limiter.settle(first.reservation!, 'refund')).toBe(true);
  const [one, two] = [await limiter.take('ann', { cost: 5 }), await limiter.take('ann', { cost: 5 })];
  await limiter.settle(one.reservation!, 'refund');
  await clock.advance(5 * tokenMs);
  await limiter.take('ann', { cost: 10 });
  await limiter.settle(two.reservation!, 'refund');
  expect((await limiter.take('ann', { cost: 5 })).allowed).toBe(false);
});

it('a token bucket under random takes, refunds and time admits no more than burst and what flowed in', async () => {
  const clock = await settableClock(it_.clients.client());
  const [limit, windowMs] = [10, 100_000];
  const tokenMs = windowMs / limit;
  let run = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ afterMs: fc.nat(20_000), cost: fc.integer({ min: 1, max: 6 }), settle: fc.nat(2) }), {
        maxLength: 40,
      }),
      async (steps) => {
        run += 1;
        await clock.set(Date.UTC(2026, 0, 1));
        const limiter = createRateLimiter({
          redis: clock.client,
          prefix: it_.clients.prefix,
          name: `run-${run}`,
          algorithm: 'token-bucket',
          limit,
          windowMs,
          charge: 'failure',
          deadlineMs: 5000,
        });
        const admitted: {
          at: number;
          cost: number;
          reservation: NonNullable<Awaited<ReturnType<typeof limiter.take>>['reservation']>;
        }[] = [];
        for (const { afterMs, cost, settle } of steps) {
          await clock.advance(afterMs);
          const { allowed, reservation } = await limiter.take('ann', { cost });
          if (allowed) admitted.push({ at: clock.now(), cost, reservation: reservation! });
          for (const { at } of admitted) {
            const since = admitted.filter((one) => one.at >= at).reduce((sum, one) => sum + one.cost, 0);
            expect(since).toBeLessThanOrEqual(limit + Math.floor((clock.now() - at) / tokenMs));
          }
          if (settle === 0 && admitted.length > 0) {
            const [back] = admitted.splice(afterMs % admitted.length, 1);
            await limiter.settle(back!.reservation, 'refund');
          }
        }
      },
    ),
    { numRuns: scale({ quick: 60, full: 1500 }) },
  );
}, 300_000);

it('a reservation that is kept is closed, and costs nothing any more', async () => {
  const { limiter } = await clocked('sliding-window');
  const { reservation } = await limiter.take('ann', { cost: 3 });
  expect(await limiter.settle(reservation!, 'keep')).toBe(true);
  expect(await limiter.settle(reservation!, 'refund')).toBe(false);
  expect((await limiter.peek('ann')).used).toBe(3);
});

it('no reservation where nothing may be settled, and none for a denial', async () => {
  const redis = it_.clients.client();
  const always = createRateLimiter({ redis, prefix: it_.clients.prefix, limit: 1, windowMs: 1000 });
  expect((await always.take('ann')).reservation).toBeUndefined();
  const { limiter } = await clocked('sliding-window', 1);
  await limiter.take('ann');
  expect((await limiter.take('ann')).reservation).toBeUndefined();
});

describe.each([
  ['Express 5', express5],
  ['Express 4', express4 as unknown as typeof express5],
])('charge, in %s', (_version, express) => {
  const LIMIT = 10;
  const limited = (charge: Charge, more = {}) =>
    rateLimit({
      redis: it_.clients.client(),
      prefix: it_.clients.prefix,
      limit: LIMIT,
      windowMs: 600_000,
      charge,
      key: () => 'ann',
      deadlineMs: 5000,
      ...more,
    });

  it('500 parallel guesses at limit 10: never more than 10 failing or pending checks', async () => {
    const limit = limited('failure');
    let checking = 0;
    let failed = 0;
    let most = 0;
    const app = express();
    app.post('/login', limit, (_req, res) => {
      checking += 1;
      most = Math.max(most, checking + failed);
      setTimeout(() => {
        checking -= 1;
        failed += 1;
        res.status(401).end();
      }, 20);
    });
    const server = createServer(app).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/login`;
    const statuses = await race(500, async () => (await fetch(url, { method: 'POST' })).status);
    server.close();
    expect(statuses.filter((status) => status === 401)).toHaveLength(LIMIT);
    expect(statuses.filter((status) => status === 429)).toHaveLength(500 - LIMIT);
    expect(most).toBe(LIMIT);
  });

  it.each([
    [200, 0],
    [302, 0],
    [400, 1],
    [401, 1],
    [404, 1],
    [429, 0],
    [500, 0],
    [503, 0],
  ])("'failure': an answer of %i leaves %i charged", async (status, charged) => {
    const limit = limited('failure');
    const app = express();
    app.get('/', limit, (_req, res) => void res.status(status).end());
    await request(app).get('/').expect(status);
    await eventually(async () => expect((await limit.limiter.peek('ann')).used).toBe(charged));
  });

  it('gives back what it could not while the connection was gone, once it is back', async () => {
    await using proxy = await faultProxy(it_.server);
    const redis = it_.clients.client({ host: proxy.host, port: proxy.port });
    const limit = limited('failure', { redis });
    const app = express();
    app.get('/', limit, (_req, res) => {
      proxy.refuse();
      setTimeout(() => res.end(), 20);
    });
    await request(app).get('/').expect(200);
    proxy.pass();
    await eventually(
      async () => {
        const { degraded, used } = await limit.limiter.peek('ann');
        expect([degraded, used]).toEqual([false, 0]);
      },
      { withinMs: 5000 },
    );
  });

  it('a success, again and again, is never limited', async () => {
    const app = express();
    app.get('/', limited('failure', { limit: 1 }), (_req, res) => void res.end());
    for (let n = 0; n < 10; n += 1) {
      await eventually(async () => void (await request(app).get('/').expect(200)));
    }
  });

  it('a function decides by the answer; one that throws has not said that it does not count', async () => {
    const limit = limited((_req, res) => res.getHeader('X-Cached') === undefined);
    const broken = limited(
      () => {
        throw new Error('oops');
      },
      { name: 'broken' },
    );
    const app = express();
    app.get('/cached', limit, (_req, res) => void res.set('X-Cached', '1').end());
    app.get('/made', limit, broken, (_req, res) => void res.end());
    await request(app).get('/cached').expect(200);
    await request(app).get('/made').expect(200);
    await eventually(async () => expect((await limit.limiter.peek('ann')).used).toBe(1));
    expect((await broken.limiter.peek('ann')).used).toBe(1);
  });

  it('policies that charge differently settle each on its own', async () => {
    const limit = rateLimit({
      redis: it_.clients.client(),
      prefix: it_.clients.prefix,
      key: () => 'ann',
      policies: [
        { name: 'all', limit: 100, windowMs: 60_000 },
        { name: 'failures', limit: 5, windowMs: 60_000, charge: 'failure' },
        { name: 'errors', limit: 5, windowMs: 60_000, charge: (_req, res) => res.statusCode >= 500 },
      ],
    });
    const app = express();
    app.get('/:status', limit, (req, res) => void res.status(Number(req.params.status)).end());
    for (const status of [200, 401, 404, 500, 200]) await request(app).get(`/${status}`);
    await eventually(async () => {
      const { standings } = await limit.limiter.peek('ann');
      expect(standings.map(({ used }) => used)).toEqual([5, 2, 1]);
    });
  });

  it('a connection that hangs up gets nothing back', async () => {
    const limit = limited('failure');
    const app = express();
    let answer = (): void => undefined;
    const arrived = new Promise<void>((resolve) => {
      app.get('/', limit, (_req, res) => {
        answer = () => void res.status(200).end('too late');
        res.once('close', answer);
        resolve();
      });
    });
    const server = createServer(app).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const req = httpRequest({ port: (server.address() as AddressInfo).port, host: '127.0.0.1' });
    req.on('error', () => undefined).end();
    await arrived;
    req.destroy();
    await eventually(() => expect(server.listening).toBe(true));
    // Whatever would be refunded has been by the time another round trip is over.
    for (let n = 0; n < 5; n += 1) expect((await limit.limiter.peek('ann')).used).toBe(1);
    server.close();
  });
});

describe('address first, account second', () => {
  /** A flood from one address at one account, then the owner from another. */
  async function attack(order: 'address first' | 'account first'): Promise<number> {
    const shared = { redis: it_.clients.client(), prefix: it_.clients.prefix, windowMs: 600_000, deadlineMs: 5000 };
    const address = rateLimit({
      ...shared,
      name: `address, ${order}`,
      limit: 20,
      key: (req) => String(req.headers['x-from']),
    });
    const account = rateLimit({
      ...shared,
      name: `account, ${order}`,
      limit: 50,
      key: (req) => String(req.headers['x-account']),
    });
    const app = express5();
    app.post('/login', ...(order === 'address first' ? [address, account] : [account, address]), (req, res) => {
      res.status(req.get('x-password') === 'right' ? 200 : 401).end();
    });
    const server = createServer(app).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/login`;
    const login = async (from: string, password: string) =>
      (await fetch(url, { method: 'POST', headers: { 'x-from': from, 'x-account': 'ann', 'x-password': password } }))
        .status;
    await race(200, () => login('attacker', 'guess'));
    const owner = await login('home', 'right');
    server.close();
    return owner;
  }

  it('lets the owner in while an attacker’s address is exhausted', async () => {
    expect(await attack('address first')).toBe(200);
  });

  it('the other way round, the requests its address is refused for use up the owner’s account', async () => {
    expect(await attack('account first')).toBe(429);
  });
});
