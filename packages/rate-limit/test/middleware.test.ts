import { eventually } from '@turnpike/test-kit';
import express5, { type Express } from 'express';
import express4 from 'express4';
import request from 'supertest';
import { describe, expect, it, vi } from 'vitest';
import { type RateLimitOptions, passProblem, rateLimit } from '../src/index.ts';
import { setting } from '@turnpike/test-kit/vitest';

const it_ = setting();

const options = (more: Partial<RateLimitOptions> = {}): RateLimitOptions => ({
  redis: it_.clients.client(),
  prefix: it_.clients.prefix,
  limit: 2,
  windowMs: 60_000,
  deadlineMs: 5000,
  ...more,
});

/** What was warned of while `act` ran. */
async function warnings(act: () => Promise<unknown>): Promise<string[]> {
  const said = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
  await act();
  const codes = said.mock.calls.map(([, second]) => (second as { code: string }).code);
  said.mockRestore();
  return codes;
}

describe.each([
  ['Express 5', express5],
  ['Express 4', express4 as unknown as typeof express5],
])('%s', (_version, express) => {
  const appWith = (limit: ReturnType<typeof rateLimit>): Express => {
    const app = express();
    app.get('/products/:id', limit, (req, res) => {
      res.json({ id: req.params['id'], remaining: limit.of(req).remaining });
    });
    return app;
  };

  it('answers 429 with Retry-After, no-store and problem details when the limit is used up', async () => {
    const app = appWith(rateLimit(options()));
    expect((await request(app).get('/products/1').expect(200)).body).toEqual({ id: '1', remaining: 1 });
    await request(app).get('/products/1').expect(200).expect('RateLimit', '"2-in-60s";r=0;t=60');
    const refused = await request(app).get('/products/1').expect(429).expect('Cache-Control', 'no-store');
    expect(refused.headers['content-type']).toBe('application/problem+json');
    expect(Number(refused.headers['retry-after'])).toBeGreaterThanOrEqual(59);
    expect(Number(refused.headers['retry-after'])).toBeLessThanOrEqual(60);
    expect(refused.headers['ratelimit-policy']).toBe('"2-in-60s";q=2;w=60');
    expect(JSON.parse(refused.text)).toEqual({
      type: 'https://iana.org/assignments/http-problem-types#quota-exceeded',
      title: 'Request cannot be satisfied as assigned quota has been exceeded',
      status: 429,
      detail: expect.stringMatching(/^The limit "2-in-60s" is used up\. Try again in (59|60) s\.$/),
      code: 'rate_limited',
      'violated-policies': ['2-in-60s'],
    });
  });

  it('hands the refusal to the app’s own error middleware with passProblem', async () => {
    const app = appWith(rateLimit(options({ limit: 1, onProblem: passProblem })));
    app.use((error: { status: number; code: string; headers: object }, _req: unknown, res: any, _next: unknown) => {
      res.status(error.status).set(error.headers).json({ ours: error.code });
    });
    await request(app).get('/products/1').expect(200);
    const refused = await request(app).get('/products/1').expect(429);
    expect(refused.body).toEqual({ ours: 'ERR_TURNPIKE_REFUSED' });
    expect(refused.headers['retry-after']).toBe('60');
  });

  it('also by Express’s own error handler, with the status and Retry-After', async () => {
    const app = appWith(rateLimit(options({ limit: 1, onProblem: passProblem })));
    app.set('env', 'test');
    await request(app).get('/products/1').expect(200);
    await request(app).get('/products/1').expect(429).expect('Retry-After', '60');
  });

  it('counts by the given key, awaits it, and counts limiters in a row each on its own', async () => {
    const byUser = rateLimit(options({ name: 'user', key: async (req) => String(req.headers['x-user']) }));
    const all = rateLimit(options({ limit: 3, name: 'all', key: () => 'all', headers: ['draft-11', 'legacy'] }));
    const app = express();
    app.get('/', byUser, all, (_req, res) => void res.end('ok'));
    const get = (user: string) => request(app).get('/').set('X-User', user);
    await get('ann').expect(200);
    await get('ann')
      .expect(200)
      .expect('RateLimit', /^"user";r=0;t=60, "all";r=1;t=60$/);
    await get('ann').expect(429);
    await get('bob').expect(200).expect('X-RateLimit-Remaining', '0');
    await get('bob').expect(429).expect('X-RateLimit-Limit', '3');
  });

  it('falls back to the client address, apart from all keys, and warns once, when the key is undefined', async () => {
    const limit = rateLimit(options({ limit: 1, key: (req) => req.query.user }));
    const app = appWith(limit);
    const said = await warnings(async () => {
      await request(app).get('/products/1').expect(200);
      await request(app).get('/products/1').expect(429);
      await request(app).get('/products/1?user=127.0.0.1').expect(200);
      await request(app).get('/products/1?user=address%20127.0.0.1').expect(200);
    });
    expect(said).toEqual(['TURNPIKE_WARN_NO_KEY']);
  });

  it('passes what the key throws to the app’s error middleware', async () => {
    const throwing = appWith(
      rateLimit(
        options({
          key: () => {
            throw Object.assign(new Error('no'), { status: 418 });
          },
        }),
      ),
    );
    await request(throwing).get('/products/1').expect(418);
  });

  it('takes a number for its string, and what names nobody, as bodies may hold it, for no key', async () => {
    const given: unknown[] = [7, '7', null, {}, JSON.parse('{"then":1}'), [], [1], true, ''];
    const limit = rateLimit(options({ limit: 2, key: (req) => given[Number(req.query.n)] as string }));
    const app = appWith(limit);
    const said = await warnings(async () => {
      for (let n = 0; n < given.length; n += 1)
        expect((await request(app).get(`/products/1?n=${n}`)).status).toBeLessThan(500);
    });
    expect(said).toEqual(['TURNPIKE_WARN_NO_KEY']);
    expect((await limit.limiter.peek('7')).used).toBe(2);
  });

  it('never lets a request pass because a function threw what is no error', async () => {
    const thrown: unknown[] = [undefined, null, 0, '', 'route', 'router'];
    for (const [n, value] of thrown.entries()) {
      const reject = async (): Promise<never> => Promise.reject(value);
      const refuse = () => {
        throw value;
      };
      for (const limit of [
        rateLimit(options({ name: `a${n}`, key: reject })),
        rateLimit(options({ name: `b${n}`, key: refuse })),
        rateLimit(options({ name: `c${n}`, cost: refuse })),
        rateLimit(options({ name: `d${n}`, limit: 1, key: () => 'x', cost: () => 2, onProblem: reject })),
        rateLimit(options({ name: `e${n}`, limit: 1, key: () => 'x', cost: () => 2, onProblem: refuse })),
      ]) {
        const app = appWith(limit);
        app.use((error: { code: string }, _req: unknown, res: any, _next: unknown) => res.status(500).end(error.code));
        expect((await request(app).get('/products/1').expect(500)).text).toBe('ERR_TURNPIKE_CALLBACK');
      }
    }
  });

  it('keeps quiet when somebody has answered meanwhile', async () => {
    const passed: number[] = [];
    const app = express();
    app.use((_req, res, next) => {
      res.end('a time-out');
      next();
    });
    app.use(rateLimit(options({ limit: 1 })), () => void passed.push(1));
    for (let n = 0; n < 3; n += 1) expect((await request(app).get('/').expect(200)).text).toBe('a time-out');
    await eventually(() => expect(passed).toHaveLength(1));
  });

  it('tells of a trust proxy that lets clients choose their address, and of one that is missing', async () => {
    const open = appWith(rateLimit(options()));
    open.set('trust proxy', true);
    expect(await warnings(() => request(open).get('/products/1'))).toEqual(['TURNPIKE_WARN_TRUST_PROXY']);

    const behind = appWith(rateLimit(options()));
    const forwarded = () => request(behind).get('/products/1').set('X-Forwarded-For', '203.0.113.7');
    expect(await warnings(() => forwarded())).toEqual(['TURNPIKE_WARN_FORWARDED_UNTRUSTED']);
    expect(await warnings(() => forwarded())).toEqual([]);

    const right = appWith(rateLimit(options({ limit: 1, name: 'right' })));
    right.set('trust proxy', 1);
    const as = (address: string) => request(right).get('/products/1').set('X-Forwarded-For', address);
    expect(
      await warnings(async () => {
        await as('203.0.113.7').expect(200);
        await as('203.0.113.7').expect(429);
        await as('203.0.113.8').expect(200);
        await as('2001:db8::1').expect(200);
        await as('2001:db8::2').expect(429);
      }),
    ).toEqual([]);
  });

  it('knows nothing of requests it did not see', async () => {
    const limit = rateLimit(options());
    const app = express();
    app.get('/', (req, res) => {
      limit.of(req);
      res.end();
    });
    app.use((error: { code: string }, _req: unknown, res: any, _next: unknown) => res.status(500).end(error.code));
    expect((await request(app).get('/')).text).toBe('ERR_TURNPIKE_NOT_MOUNTED');
  });
});

describe('keys in Redis', () => {
  it('show addresses only until a pepper is given', async () => {
    const plain = express5().use(rateLimit(options({ name: 'plain' })));
    const peppered = express5().use(rateLimit(options({ name: 'peppered', pepper: 'sixteen characters' })));
    await request(plain).get('/');
    await request(peppered).get('/');
    const keys = (await it_.clients.scan()).toSorted();
    expect(keys[1]).toBe(`${it_.clients.prefix}:v1:rate-limit:{plain:s60000:127.0.0.1}`);
    expect(keys[0]).toMatch(/:v1:rate-limit:\{peppered:s60000:[A-Za-z0-9_-]{32}\}$/);
  });

  it('are prefixed once by a client that has a keyPrefix', async () => {
    const redis = it_.clients.client({ keyPrefix: `${it_.clients.prefix}-app:` });
    await request(express5().use(rateLimit(options({ redis }))))
      .get('/')
      .expect(404);
    expect(await it_.clients.client().keys(`${it_.clients.prefix}-app:*`)).toEqual([
      `${it_.clients.prefix}-app:${it_.clients.prefix}:v1:rate-limit:{2-in-60s:s60000:127.0.0.1}`,
    ]);
  });
});
