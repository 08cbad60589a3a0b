import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { race } from '@turnpike/test-kit';
import express from 'express';
import request from 'supertest';
import { describe, expect, it, vi } from 'vitest';
import { type RateLimitEvent, createRateLimiter, rateLimit } from '../src/index.ts';
import { setting } from '@turnpike/test-kit/vitest';

const it_ = setting();

const limited = (more: object) =>
  rateLimit({
    redis: it_.clients.client(),
    prefix: it_.clients.prefix,
    limit: 2,
    windowMs: 60_000,
    deadlineMs: 5000,
    ...more,
  });

const appWith = (...limits: ReturnType<typeof rateLimit>[]) =>
  express()
    .use(...limits)
    .use((req, res) => void res.json(limits.map((limit) => limit.of(req).used)));

/** The events of `act`. */
async function eventsOf(act: () => Promise<unknown>): Promise<RateLimitEvent[]> {
  const heard: RateLimitEvent[] = [];
  const listen = (event: unknown): void => void heard.push(event as RateLimitEvent);
  subscribe('turnpike:rate-limit', listen);
  await act();
  unsubscribe('turnpike:rate-limit', listen);
  return heard;
}

describe('cost', () => {
  it('is asked of every request; one that is no number is the app’s error', async () => {
    const app = appWith(limited({ limit: 10, cost: (req: { query: { n?: string } }) => Number(req.query.n) }));
    expect((await request(app).get('/?n=4')).body).toEqual([4]);
    expect((await request(app).get('/?n=6')).body).toEqual([10]);
    await request(app).get('/?n=1').expect(429);
    const broken = express().use(limited({ cost: () => Number.NaN, name: 'broken' }));
    broken.use(
      (error: Error, _req: unknown, res: express.Response, _next: unknown) => void res.status(500).end(error.message),
    );
    expect((await request(broken).get('/')).text).toContain('option "cost" must be an integer from 1');
  });

  it('above a limit is refused without a Retry-After, since no wait helps', async () => {
    const refused = await request(appWith(limited({ cost: () => 3 })))
      .get('/')
      .expect(429);
    expect(refused.headers['retry-after']).toBeUndefined();
    expect(JSON.parse(refused.text).detail).toMatch(/can never pass/);
  });
});

describe('skip', () => {
  it('lets a request pass uncounted, untold, and of(req) says that nothing was used', async () => {
    const app = appWith(limited({ skip: (req: { url: string }) => req.url === '/health' }));
    for (let n = 0; n < 5; n += 1) {
      const answer = await request(app).get('/health').expect(200);
      expect(answer.body).toEqual([0]);
      expect(answer.headers['ratelimit']).toBeUndefined();
    }
    expect((await request(app).get('/')).body).toEqual([1]);
  });
});

describe('dryRun', () => {
  it('decides, tells and lets everyone pass', async () => {
    const app = appWith(limited({ dryRun: true }));
    const events = await eventsOf(async () => {
      for (let n = 0; n < 4; n += 1) await request(app).get('/').expect(200);
    });
    expect(events.map(({ type }) => type)).toEqual(['allow', 'allow', 'dry-run-deny', 'dry-run-deny']);
  });
});

describe('hidden', () => {
  it('keeps a policy out of headers and refusals', async () => {
    const app = appWith(
      rateLimit({
        redis: it_.clients.client(),
        prefix: it_.clients.prefix,
        policies: [
          { name: 'public', limit: 10, windowMs: 60_000 },
          { name: 'secret', limit: 1, windowMs: 60_000, hidden: true },
        ],
      }),
    );
    await request(app).get('/').expect(200).expect('RateLimit-Policy', '"public";q=10;w=60');
    const refused = await request(app).get('/').expect(429);
    expect(refused.text).not.toContain('secret');
    expect(JSON.stringify(refused.headers)).not.toContain('secret');
    expect(JSON.parse(refused.text)['violated-policies']).toEqual([]);
  });
});

describe('one limiter met twice by a request', () => {
  it('counts twice, and warns once', async () => {
    const limit = limited({ limit: 10 });
    const said = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    const app = express().use(limit).use(limit);
    app.use((req, res) => void res.json(limit.of(req).used));
    expect((await request(app).get('/')).body).toBe(2);
    await request(app).get('/');
    expect(said.mock.calls.map(([, second]) => (second as { code: string }).code)).toEqual([
      'TURNPIKE_WARN_COUNTED_TWICE',
    ]);
    said.mockRestore();
  });

  it('counts once where it skipped it the first time, and has nothing to warn of', async () => {
    let asked = 0;
    const limit = limited({ limit: 10, skip: () => (asked += 1) === 1 });
    const said = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    const app = express().use(limit).use(limit);
    app.use((req, res) => void res.json(limit.of(req).used));
    expect((await request(app).get('/')).body).toBe(1);
    expect(asked).toBe(2);
    expect(said).not.toHaveBeenCalled();
    said.mockRestore();
  });
});

describe('events', () => {
  it('tell what was decided and by whom, and nothing of the caller', async () => {
    const limiter = createRateLimiter({
      redis: it_.clients.client(),
      prefix: it_.clients.prefix,
      name: 'n',
      limit: 1,
      windowMs: 60_000,
      localShare: 1,
    });
    const blocking = createRateLimiter({
      redis: it_.clients.client(),
      prefix: it_.clients.prefix,
      name: 'b',
      limit: 1,
      windowMs: 60_000,
      block: { afterDenials: 1, durationMs: 1000, maxMs: 1000 },
    });
    const events = await eventsOf(async () => {
      for (let n = 0; n < 3; n += 1) await limiter.take('ann@example.com');
      for (let n = 0; n < 2; n += 1) await blocking.take('ann@example.com');
      it_.server.pause();
      await race(1, () => limiter.take('bob@example.com'));
      it_.server.resume();
    });
    expect(events).toEqual([
      { type: 'allow', policy: 'n', by: 'redis', degraded: false },
      { type: 'deny', policy: 'n', by: 'redis', degraded: false },
      { type: 'deny', policy: 'n', by: 'deny-cache', degraded: false },
      { type: 'allow', policy: 'b', by: 'redis', degraded: false },
      { type: 'block', policy: 'b', by: 'redis', degraded: false },
      { type: 'allow', policy: 'n', by: 'local', degraded: true },
    ]);
  });
});
