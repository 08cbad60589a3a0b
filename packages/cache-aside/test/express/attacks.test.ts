import { finished } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually, race } from '@turnpike/test-kit';
import { setting } from '@turnpike/test-kit/vitest';
import type { NextFunction, Request, RequestHandler, Response } from 'express';
import onHeaders from 'on-headers';
import { describe, expect, it } from 'vitest';
import {
  type CacheResponseOptions,
  cacheResponse,
  cacheTags,
  invalidates,
  isBackground,
} from '../../src/express/index.ts';
import { CREDENTIALS } from '../../src/express/credentials.ts';
import {
  type Answer,
  type Ask,
  type Cached,
  EXPRESSES,
  type Handler,
  type Sent,
  type Site,
  type SiteParts,
  appOf,
  hitOf,
  serve,
  siteOf,
  storedText,
} from './app.ts';

const it_ = setting();

const cachedBy = (more: Partial<CacheResponseOptions> = {}): Cached =>
  cacheResponse({
    redis: it_.clients.client(),
    prefix: it_.clients.prefix,
    ttlMs: 60_000,
    deadlineMs: 5000,
    ...more,
  } as CacheResponseOptions);

/** In the place of the cache: what Express does by itself. */
const none = ((_req: Request, _res: Response, next: NextFunction) => next()) as unknown as Cached;

/** Stale as soon as it is there. */
const BRIEF = 'max-age=0, stale-while-revalidate=60';
const LASTING = 'max-age=60';

const CONDITION: Sent = { headers: { 'If-None-Match': '"old"' } };

/** Sooner than anybody gives up waiting for a handler: nobody has waited for that. */
async function soon<T>(promise: Promise<T>, withinMs = 2000): Promise<T> {
  const late = sleep(withinMs, undefined, { ref: false }).then(() => {
    throw new Error(`nothing within ${withinMs} ms`);
  });
  return Promise.race([promise, late]);
}

/** The page is stored, and a request has been given it stale: its refresh is on its way. */
async function staleOf({ ask }: Pick<Site, 'ask'>, path = '/page', sent?: Sent): Promise<void> {
  await ask(path, sent);
  await eventually(async () => expect((await ask(path, sent)).header('Cache-Status')).toMatch(/^turnpike; hit; ttl=-/));
}

const nextPage = (ask: Ask, text: string, path = '/page', sent?: Sent): Promise<Answer> =>
  eventually(
    async () => {
      const hit = await hitOf(ask, path, sent);
      expect(hit.text).toBe(text);
      return hit;
    },
    { withinMs: 4000 },
  );

describe.each(EXPRESSES)('on %s', (_version, express) => {
  const site = (handler: Handler, more: Partial<CacheResponseOptions> = {}, parts?: SiteParts): Promise<Site> =>
    siteOf(express, cachedBy(more), handler, parts);

  describe('a page that is rendered in the background', () => {
    it.each<[way: string, drop: (one: Site) => Promise<unknown>]>([
      ['of its tags', ({ cached }) => cached.cache.invalidate({ tags: ['tenant:a'] })],
      ['of its path', ({ ask }) => ask('/page', { method: 'PUT' })],
    ])(
      'is not left behind by a change %s where "tags" throws for want of what its client has sent',
      async (_way, drop) => {
        let version = 1;
        const one = await site((_req, res) => void res.set('Cache-Control', BRIEF).send(`page ${version}`), {
          scope: 'public',
          tags: ({ headers }) => [`tenant:${headers['x-tenant']!.toString().toLowerCase()}`],
        });
        const ofA: Sent = { headers: { 'X-Tenant': 'A' } };
        await staleOf(one, '/page', ofA);
        version = 2;
        await eventually(() => expect(one.seen.arrived).toBeGreaterThan(2));
        await sleep(30);
        expect((await one.ask('/page', ofA)).text).toMatch(/^page 1$|^page 2$/);
        await sleep(30);
        version = 3;
        await drop(one);
        expect((await one.ask('/page', ofA)).text).toBe('page 3');
      },
    );

    it('is stored for those who ask as it was asked for itself, and not for who has caused it', async () => {
      const one = await site((req, res, run) => {
        if (run === 1) return res.set('Cache-Control', BRIEF).send('price');
        return res
          .vary('X-Currency')
          .set('Cache-Control', LASTING)
          .send(`price in ${req.get('X-Currency') ?? 'USD'}`);
      });
      const euros: Sent = { headers: { 'X-Currency': 'EUR' } };
      await staleOf(one, '/page', euros);
      await eventually(() => expect(one.seen.runs).toBe(2));
      await eventually(async () => expect((await one.ask('/page', euros)).text).not.toBe('price'));
      for (let n = 0; n < 3; n += 1) expect((await one.ask('/page', euros)).text).toBe('price in EUR');
      expect((await one.ask('/page')).text).toBe('price in USD');
    });

    it('makes room for others when it breaks off', async () => {
      const runs = new Map<string, number>();
      let broken = 0;
      const one = await site((req, res) => {
        const run = (runs.get(req.url) ?? 0) + 1;
        runs.set(req.url, run);
        res.set('Cache-Control', run === 1 ? BRIEF : LASTING).type('text');
        if (!isBackground(req) || req.url === '/last') return res.send(`page ${run}`);
        broken += 1;
        res.write('half');
        throw new Error('halfway');
      });
      // As many as run at a time.
      await race(10, (n) => staleOf(one, `/page/${n}`));
      await eventually(() => expect(broken).toBeGreaterThanOrEqual(10));
      await staleOf(one, '/last');
      await nextPage(one.ask, 'page 2', '/last');
    });

    it('is rendered also where the middleware is mounted twice, for all and on a route', async () => {
      const cached = cachedBy();
      let runs = 0;
      const router = express.Router();
      router.get('/page', cached as RequestHandler, (_req, res) => {
        runs += 1;
        res.set('Cache-Control', runs === 1 ? BRIEF : LASTING).send(`page ${runs}`);
      });
      const ask = await serve(
        appOf(express)
          .use(cached as RequestHandler)
          .use('/api', router),
      );
      await staleOf({ ask }, '/api/page');
      await nextPage(ask, 'page 2', '/api/page');
    });

    it('is that of the app through which it was asked for, where one is mounted in two', async () => {
      const cached = cachedBy();
      let runs = 0;
      const both = appOf(express);
      both.get('/page', cached as RequestHandler, (req, res) => {
        runs += 1;
        res.set('Cache-Control', runs === 1 ? BRIEF : LASTING).send(`page ${runs} of ${Reflect.get(req, 'tenant')}`);
      });
      const tenants = ['ann', 'bob'].map((tenant) => {
        const app = appOf(express);
        app.use((req, _res, next) => {
          Object.assign(req, { tenant });
          next();
        });
        return app.use('/api', both);
      });
      const ask = await serve(tenants[0]!);
      await staleOf({ ask }, '/api/page');
      await nextPage(ask, 'page 2 of ann', '/api/page');
    });
  });

  describe('a handler whose answer is held back, as it may be replaced,', () => {
    /** An error may be replaced by a kept page, and a page that is asked for by what its client has by a 304. */
    const HELD: [what: string, status: number, sent: Sent][] = [
      ['an error', 500, {}],
      ['a page that was asked for by a condition', 200, CONDITION],
    ];

    const FAILED: SiteParts = {
      failed(error: { code?: string }, _req, res, _next) {
        res.statusMessage = 'Failed';
        res.status(500).send(error.code ?? 'none');
      },
    };

    it.each([1000, 11_000])('and says %i, which is no status, fails as it does by itself', async (status) => {
      const handler: Handler = (_req, res) => {
        res.statusCode = status;
        res.end('x');
      };
      const bare = await siteOf(express, none, handler, FAILED);
      const { ask } = await site(handler, {}, FAILED);
      const expected = await bare.ask('/page');
      expect([expected.status, expected.text]).toEqual([500, 'ERR_HTTP_INVALID_STATUS_CODE']);
      for (const sent of [{}, CONDITION]) {
        for (const { status: got, text } of await soon(race(3, () => ask('/page', sent)))) {
          expect([got, text]).toEqual([expected.status, expected.text]);
        }
      }
    });

    it.each(HELD)('has answered with %s once, whatever it says thereafter', async (_what, status, sent) => {
      const thrown: unknown[] = [];
      const handler: Handler = (_req, res) => {
        res.status(status).json({ first: true });
        try {
          res.json({ second: 'much longer '.repeat(10) });
        } catch (error) {
          thrown.push((error as { code?: string }).code);
        }
      };
      const { ask } = await site(handler);
      const answer = await soon(ask('/page', sent));
      expect([answer.status, answer.text]).toEqual([status, '{"first":true}']);
      expect(thrown).toEqual(['ERR_HTTP_HEADERS_SENT']);
    });

    it.each(HELD)('and awaits each write of %s goes on', async (_what, status, sent) => {
      const { ask } = await site(async (_req, res) => {
        res.status(status).type('text');
        for (const part of ['a', 'b', 'c']) await new Promise((resolve) => res.write(part, resolve));
        res.end();
      });
      const answer = await soon(ask('/page', sent));
      expect([answer.status, answer.text]).toEqual([status, 'abc']);
    });

    it.each<[what: string, end: (res: Response, done: () => void) => unknown]>([
      ['the end', (res, done) => res.end('page', done)],
      ['the end without a word more', (res, done) => (res.write('page'), res.end(done))],
      ['the last write', (res, done) => (res.write('page', done), res.end())],
    ])('and awaits %s gets there, also where another answer takes its place', async (_what, end) => {
      let done = 0;
      const replaced = await site((_req, res) => end(res.set('ETag', '"new"'), () => (done += 1)));
      const known: Sent = { headers: { 'If-None-Match': '"new"' } };
      expect((await replaced.ask('/page', known)).status).toBe(304);
      await eventually(() => expect(done).toBe(1));

      const kept = await site(
        (_req, res, run) => (run === 1 ? res.send('page') : end(res.status(500), () => (done += 1))),
        { ttlMs: 1, staleIfErrorMs: 60_000 },
      );
      await kept.ask('/kept');
      await eventually(() => expect(kept.cached.cache.stats().stored).toBe(1));
      await eventually(async () => {
        const { status, text } = await kept.ask('/kept');
        expect([status, text, kept.seen.runs]).toEqual([200, 'page', 2]);
      });
      await eventually(() => expect(done).toBe(2));
    });

    it.each(HELD)(
      'and with what is thrown outside as %s leaves fails as it does by itself',
      async (_w, status, sent) => {
        const handler: Handler = (_req, res) => res.status(status).send('page');
        const failing = (): SiteParts => {
          const thrower: RequestHandler = (_req, res, next) => {
            let isFirst = true;
            onHeaders(res, () => {
              if (!isFirst) return;
              isFirst = false;
              throw new Error('outside');
            });
            next();
          };
          return { before: [thrower] };
        };
        const [bare, cached] = [await siteOf(express, none, handler, failing()), await site(handler, {}, failing())];
        const answers = async ({ ask }: Site): Promise<unknown> => {
          const [settled] = await Promise.allSettled([soon(ask('/page', sent))]);
          return settled.status === 'fulfilled' ? settled.value.status : (settled.reason as Error).message.slice(0, 13);
        };
        expect(await answers(cached)).toEqual(await answers(bare));
        expect(await storedText(it_.clients)).not.toContain('page');
      },
    );

    it('and with a message that HTTP does not have fails as it does by itself, and stores nothing', async () => {
      const handler: Handler = (_req, res) => {
        res.statusMessage = 'bad\nmessage';
        res.send('page');
      };
      const bare = await siteOf(express, none, handler, FAILED);
      const { ask } = await site(handler, {}, FAILED);
      const expected = await bare.ask('/page', CONDITION);
      for (const sent of [CONDITION, {}]) {
        const { status, text } = await soon(ask('/page', sent));
        expect([status, text]).toEqual([expected.status, expected.text]);
      }
      expect(await storedText(it_.clients)).not.toMatch(/page|message/);
    });
  });

  describe('a client that hangs up', () => {
    it('is told of at last to a handler that has said half of its page, however long others would wait', async () => {
      const told: string[] = [];
      const { ask } = await site((req, res) => {
        for (const [name, emitter] of Object.entries({ req, res })) emitter.once('close', () => told.push(name));
        res.write('half');
      });
      const first = await ask.open('/page');
      await first.until(/half/);
      first.hangUp();
      await eventually(() => expect(told.toSorted()).toEqual(['req', 'res']), { withinMs: 3000 });
    });

    it('does not keep the others waiting where the handler stops at the end of its request', async () => {
      const { ask, seen } = await site(async (req, res, run) => {
        let isGone = false;
        req.once('close', () => (isGone = true));
        await eventually(() => seen.arrived === 5);
        await sleep(30);
        if (run > 1 || !isGone) res.send('page');
      });
      const first = await ask.open('/page');
      await eventually(() => expect(seen.runs).toBe(1));
      first.hangUp();
      for (const { text } of await soon(race(4, () => ask('/page')))) expect(text).toBe('page');
    });

    it('is not the one who renders the page for the others when the first has gone', async () => {
      const { ask, seen } = await site(async (req, res, run) => {
        if (run === 1) return void res.write('half');
        await sleep(20);
        if (!req.socket.destroyed) res.send(`page`);
      });
      const first = await ask.open('/page');
      await first.until(/half/);
      const dead = [];
      for (let n = 0; n < 3; n += 1) dead.push(await ask.open('/page'));
      await eventually(() => expect(seen.arrived).toBe(4));
      await sleep(20);
      const living = ask('/page');
      await eventually(() => expect(seen.arrived).toBe(5));
      await sleep(20);
      for (const wire of [...dead, first]) wire.hangUp();
      expect((await soon(living, 3000)).text).toBe('page');
      expect(seen.runs).toBe(2);
    });
  });

  describe('a handler that breaks off', () => {
    it.each<[what: string, breaks: Handler]>([
      ['halfway', (_req, res) => void res.write('half', () => res.destroy())],
      ['halfway, by what it throws', (_req, res) => (res.write('half'), Promise.reject(new Error('halfway')))],
      ['before it says a word', (_req, res) => void res.destroy()],
    ])('%s does so for each who has waited, and they do not wait one after the other', async (_what, breaks) => {
      const { ask, seen } = await site(async (req, res, run, next) => {
        if (run === 1) await eventually(() => seen.arrived === 12);
        return breaks(req, res, run, next);
      });
      const asked = Array.from({ length: 12 }, () => ask('/page'));
      const ends = await soon(Promise.allSettled(asked), 3000);
      expect(ends.filter(({ status }) => status === 'fulfilled')).toEqual([]);
    });
  });

  it('a response tells that it has closed also where something inside has wrapped its "emit"', async () => {
    const told: string[] = [];
    const hears: RequestHandler = (_req, res, next) => {
      for (const event of ['finish', 'close']) res.on(event, () => told.push(event));
      next();
    };
    const wraps: RequestHandler = (_req, res, next) => {
      const { emit } = res;
      res.emit = function wrapped(this: Response, ...args: unknown[]) {
        return Reflect.apply(emit, this, args);
      } as Response['emit'];
      next();
    };
    const { ask } = await site((_req, res) => res.send('page'), {}, { before: [hears], inside: [wraps] });
    await ask('/page');
    await eventually(() => expect(told).toEqual(['finish', 'close']));
  });

  describe('who asks', () => {
    it('is as it is for a handler that looks whether it is known, on a miss', async () => {
      const handler: Handler = (req, res) =>
        res.json({
          inHeaders: ['authorization' in req.headers, 'cookie' in req.headers],
          ofHeaders: [Object.hasOwn(req.headers, 'cookie'), Object.keys(req.headers)],
          inRequest: Object.hasOwn(req.headers, 'authorization'),
          described: Object.getOwnPropertyDescriptor(req.headers, 'cookie') === undefined,
          keys: Object.keys(req).filter((key) => /user|session|cookies|auth/i.test(key)),
        });
      const [bare, cached] = [await siteOf(express, none, handler), await site(handler)];
      for (let n = 0; n < 2; n += 1)
        expect((await cached.ask('/page')).json()).toEqual((await bare.ask('/page')).json());
    });

    it.each<[what: string, looks: (req: Request) => unknown]>([
      ['"in"', ({ headers }) => 'cookie' in headers],
      ['rawHeaders', ({ rawHeaders }) => rawHeaders.join()],
      ['headersDistinct', ({ headersDistinct }) => headersDistinct],
      ['sessionID', (req) => Reflect.get(req, 'sessionID')],
      ['auth', (req) => Reflect.get(req, 'auth')],
      ['oidc', (req) => Reflect.get(req, 'oidc')],
    ])('is nobody else’s to see where a public page looks by %s', async (_what, looks) => {
      const signsIn: RequestHandler = (req, _res, next) => {
        const who = req.headers.cookie;
        Object.assign(req, { sessionID: who, auth: { who }, oidc: { who } });
        next();
      };
      const { ask, seen } = await site(
        (req, res) => res.send(`page for ${JSON.stringify(looks(req))}`),
        { scope: 'public' },
        { before: [signsIn] },
      );
      for (const who of ['alice=1', 'bob=1']) {
        const { text } = await ask('/page', { headers: { Cookie: who } });
        if (who === 'bob=1') expect(text).not.toContain('alice');
        await sleep(20);
      }
      expect(seen.runs).toBe(2);
      expect(await storedText(it_.clients)).not.toContain('page for');
    });

    it('is told by any header in which a client or a proxy says it: pages are not shared', async () => {
      const { ask } = await site((req, res) => res.send(`page for ${req.get(req.query['by'] as string)}`));
      await race(CREDENTIALS.length, async (n) => {
        const name = CREDENTIALS[n]!;
        for (const who of ['alice', 'bob']) {
          const answer = await ask(`/page?by=${name}`, { headers: { [name]: who } });
          const says = [answer.text, answer.header('Cache-Status')];
          expect(says).toEqual([`page for ${who}`, 'turnpike; fwd=bypass; detail=credentials']);
        }
      });
      for (const name of [
        'tailscale-user-login',
        'x-forwarded-user',
        'x-forwarded-client-cert',
        'x-session-token',
        'remote-user',
        'x-amzn-oidc-data',
        'cf-access-jwt-assertion',
        'x-ms-client-principal',
      ]) {
        expect(CREDENTIALS).toContain(name);
      }
    });

    it.each([[false], [true], [{}], [[]], [Infinity]])(
      'is nobody where "scope" gives %s, and nobody’s page is shared',
      async (id) => {
        const { ask } = await site((req, res) => res.send(`cart of ${req.get('Cookie')}`), {
          scope: (() => id) as never,
        });
        for (const who of ['alice', 'bob']) {
          const answer = await ask('/page', { headers: { Cookie: who } });
          const says = [answer.text, answer.header('Cache-Status')];
          expect(says).toEqual([`cart of ${who}`, 'turnpike; fwd=bypass; detail=scope']);
          await sleep(10);
        }
      },
    );
  });

  describe('a change', () => {
    it('that is asked for with its host in the target drops the page of its path', async () => {
      const { ask } = await site((req, res, run) => res.send(`page ${run} by ${req.method}`));
      await ask('/page');
      await hitOf(ask, '/page');
      expect((await ask('http://test/page', { method: 'PUT' })).status).toBe(200);
      expect((await ask('/page')).text).toBe('page 3 by GET');
    });

    it('that waits for Redis is read past by no other cache of its client and prefix', async () => {
      const redis = it_.clients.client({ retryStrategy: () => 20 });
      const own = { redis, prefix: it_.clients.prefix };
      const app = appOf(express);
      let version = 1;
      const cached = cacheResponse({ ...own, ttlMs: 60_000 });
      app.get('/page', cached as RequestHandler, (_req, res) => void res.send(`page ${version}`));
      app.put('/page', invalidates(own) as RequestHandler, (_req, res) => {
        version += 1;
        res.sendStatus(204);
      });
      const ask = await serve(app);
      for (let round = 0; round < 4; round += 1) {
        await hitOf(ask, '/page');
        redis.disconnect(true);
        await sleep(2);
        expect((await ask('/page', { method: 'PUT' })).status).toBe(204);
        for (let n = 0; n < 30; n += 1) {
          expect((await ask('/page')).text).toBe(`page ${version}`);
          await sleep(2);
        }
      }
    });
  });

  describe('the tags of a page', () => {
    it('may be as many as a list has rows', async () => {
      const { ask, cached, seen } = await site((_req, res, run) => {
        cacheTags(res, ...Array.from({ length: 900 }, (_, n) => `product:${n}`));
        res.send(`page ${run}`);
      });
      expect((await ask('/page')).status).toBe(200);
      expect((await hitOf(ask, '/page')).text).toBe('page 1');
      await cached.cache.invalidate({ tags: ['product:899'] });
      expect((await ask('/page')).text).toBe('page 2');
      expect(seen.runs).toBe(2);
    });

    it('that a handler gives when it has answered are an error, for the page would stay', async () => {
      const thrown: unknown[] = [];
      const { ask } = await site((_req, res) => {
        res.send('page');
        try {
          cacheTags(res, 'row');
        } catch (error) {
          thrown.push((error as { code?: string }).code);
        }
      });
      expect((await ask('/page')).text).toBe('page');
      expect(thrown).toEqual(['ERR_TURNPIKE_OPTION']);
    });

    it.each([['product'], [''], [undefined], [null]])('that are %j are an error', async (tags) => {
      const { ask, seen } = await site(
        (_req, res) => res.send('page'),
        { tags: (() => tags) as never },
        { failed: (error: { code?: string }, _req, res, _next) => void res.status(500).send(error.code ?? 'none') },
      );
      const { status, text } = await ask('/page');
      expect([status, text, seen.runs]).toEqual([500, 'ERR_TURNPIKE_OPTION', 0]);
    });
  });

  it.each([
    ['/page?%ff=1&%25ff=2', '/page?%25ff=2&%ff=1'],
    ['/page?%ff[a]=1&%25ff[a]=2', '/page?%25ff[a]=2&%ff[a]=1'],
  ])('names that a parser cannot decode stay in their order: %s and %s', async (one, other) => {
    const handler: Handler = (req, res) => res.json(req.query);
    const parts: SiteParts = { set: { 'query parser': 'extended' } };
    const [bare, { ask }] = [await siteOf(express, none, handler, parts), await site(handler, {}, parts)];
    for (const path of [one, other, one]) {
      expect((await ask(path)).json()).toEqual((await bare.ask(path)).json());
      await sleep(10);
    }
  });

  it.each<[what: string, read: (req: Request) => Promise<unknown>]>([
    ['toArray', (req) => req.toArray()],
    [
      'finished',
      (req) => {
        const done = finished(req);
        req.resume();
        return done;
      },
    ],
  ])('a handler that reads its request to the end waits for nothing: %s', async (_what, read) => {
    const { ask } = await site(async (req, res) => {
      await read(req);
      res.send('page');
    });
    const startedAt = performance.now();
    expect((await ask('/page')).text).toBe('page');
    expect(performance.now() - startedAt).toBeLessThan(3000); // others would be waited for 10 s
  });

  it('who asks is no question of an inner cache to an outer one: a public page behind both is stored', async () => {
    const [outer, inner] = ['a', 'b'].map((name) =>
      cachedBy({ prefix: `${it_.clients.prefix}${name}`, scope: 'public' }),
    );
    const { ask, seen } = await siteOf(express, outer!, (_req, res, run) => res.send(`page ${run}`), {
      inside: [inner as RequestHandler],
    });
    const sent = { headers: { Cookie: 'a=1' } };
    expect((await ask('/page', sent)).text).toBe('page 1');
    await eventually(() => expect(outer!.cache.stats().stored).toBe(1));
    expect((await hitOf(ask, '/page', sent)).text).toBe('page 1');
    expect(seen.runs).toBe(1);
  });

  it('a handler that breaks off behind two caches keeps nobody waiting at either', async () => {
    const outer = cachedBy({ prefix: `${it_.clients.prefix}outer` });
    const inner = cachedBy({ prefix: `${it_.clients.prefix}inner`, ttlMs: 1000 });
    const { ask, seen } = await siteOf(
      express,
      outer,
      (_req, res, run) => (run < 3 ? res.destroy() : res.send('page')),
      {
        inside: [inner as RequestHandler],
      },
    );
    const startedAt = performance.now();
    await race(4, () => ask('/page').catch(() => undefined));
    expect(performance.now() - startedAt).toBeLessThan(1500); // others would be waited for 2 s, or 10
    expect(seen.runs).toBeGreaterThanOrEqual(4);
  });
});
