import { AsyncLocalStorage } from 'node:async_hooks';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable, pipeline } from 'node:stream';
import { pipeline as piped } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually, race } from '@turnpike/test-kit';
import { setting } from '@turnpike/test-kit/vitest';
import { storeOf } from '@turnpike/core';
import type { Request, RequestHandler, Response } from 'express';
import type { Redis } from 'ioredis';
import { afterAll, describe, expect, it } from 'vitest';
import { type PageOptions, cacheResponse, cacheTags, invalidates } from '../../src/express/index.ts';
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
  atOnce,
  gate,
  hitOf,
  serve,
  siteOf,
  warningsSeen,
} from './app.ts';

const it_ = setting();

interface More extends PageOptions {
  loadTimeoutMs?: number;
  maxBytes?: number;
}

const clients = new WeakMap<Cached, Redis>();

function cachedBy(more: More = {}): Cached {
  const redis = it_.clients.client();
  const cached = cacheResponse({ redis, prefix: it_.clients.prefix, ttlMs: 60_000, deadlineMs: 5000, ...more });
  clients.set(cached, redis);
  return cached;
}

/**
 * What is stored now for 1 ms has expired: not by Redis's time alone, but by what this client takes for it, which is behind it by
 * as long as an answer was on its way.
 */
async function expiredBy(cached: Cached): Promise<void> {
  const redis = clients.get(cached) as Redis;
  const [seconds, microseconds] = await redis.time();
  const laterUs = Number(seconds) * 1e6 + Number(microseconds) + 20_000;
  await eventually(
    async () => {
      const [reading] = storeOf(redis).read([`${it_.clients.prefix}:none`], { deadlineMs: 5000 });
      return ((await reading)?.nowUs ?? 0) > laterUs;
    },
    { everyMs: 4 },
  );
}

/** Stale as soon as it is there. */
const BRIEF = 'max-age=0, stale-while-revalidate=60';
const LASTING = 'max-age=60';

/** A page that is stale as soon as it is there, and lasts from its second run on. */
const brief =
  (handler: Handler): Handler =>
  (req, res, run, next) => {
    res.set('Cache-Control', run === 1 ? BRIEF : LASTING);
    return handler(req, res, run, next);
  };

const counted: Handler = (_req, res, run) => void res.type('text').send(`page ${run}`);

/** No client is at the other end. */
const isDetached = (req: Request): boolean => !(req.socket instanceof Socket);

type Asked = Pick<Site, 'ask' | 'cached'>;

/** Asks for pages that are stale as soon as they are there, and waits until they are. */
async function allAsked({ ask, cached }: Asked, paths: readonly string[], sent?: Sent): Promise<Answer[]> {
  const before = cached.cache.stats().stored;
  const first = await race(paths.length, (n) => ask(String(paths[n]), sent));
  await eventually(() => expect(cached.cache.stats().stored).toBeGreaterThanOrEqual(before + paths.length));
  await expiredBy(cached);
  return first;
}

const asked = async (site: Asked, path = '/page', sent?: Sent): Promise<Answer> =>
  (await allAsked(site, [path], sent))[0] as Answer;

/** The first page is there, and a request has been given it stale: its refresh is on its way. */
async function staleOf(site: Asked, path = '/page', sent?: Sent): Promise<Answer> {
  await asked(site, path, sent);
  const stale = await site.ask(path, sent);
  expect(stale.header('Cache-Status')).toMatch(/^turnpike; hit; ttl=-/);
  return stale;
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

const folder = mkdtempSync(join(tmpdir(), 'turnpike-pages-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function fileOf(text: string): string {
  const path = join(folder, `${text.length}-${Math.random()}.txt`);
  writeFileSync(path, text);
  return path;
}

const withHeaders = (res: Response): Response =>
  res.set({
    'X-Error': '1',
    'Content-Type': 'text/html',
    'Cache-Control': 'no-store',
    'Content-Language': 'xx',
    'Retry-After': '5',
    ETag: '"error"',
    'Set-Cookie': 'error=1',
    Vary: 'X-Error',
  });

const long = 'ä'.repeat(200_000);

const WAYS: [name: string, handler: Handler, page: (run: number) => string][] = [
  ['res.send', (_q, res, run) => res.type('text').send(`page ${run}`), (run) => `page ${run}`],
  ['res.json', (_q, res, run) => res.json({ run }), (run) => JSON.stringify({ run })],
  [
    'an async handler',
    async (_q, res, run) => {
      await sleep(5);
      res.type('text').send(`page ${run}`);
    },
    (run) => `page ${run}`,
  ],
  [
    'writes and an end',
    async (_q, res, run) => {
      res.writeHead(200, { 'Content-Type': 'text/plain' });
      res.write('page ');
      await sleep(2);
      res.end(String(run));
    },
    (run) => `page ${run}`,
  ],
  [
    'writes that heed the drain',
    async (_q, res, run) => {
      for (const part of [`page ${run}`, long, long]) {
        if (!res.write(part)) await new Promise((resolve) => res.once('drain', resolve));
      }
      res.end();
    },
    (run) => `page ${run}${long}${long}`,
  ],
  [
    'pipe',
    (_q, res, run) => Readable.from(['page ', String(run), long]).pipe(res.type('text')),
    (run) => `page ${run}${long}`,
  ],
  [
    'pipeline',
    (_q, res, run, next) =>
      pipeline(Readable.from(['page ', String(run)]), res.type('text'), (error) => error && next(error)),
    (run) => `page ${run}`,
  ],
  [
    'a promised pipeline',
    (_q, res, run) => piped(Readable.from([`page ${run}`, long]), res.type('text')),
    (run) => `page ${run}${long}`,
  ],
  [
    'res.sendFile',
    (_q, res, run) => res.sendFile(fileOf(`page ${run}`), { cacheControl: false }),
    (run) => `page ${run}`,
  ],
  [
    'res.sendFile of much',
    (_q, res, run) => res.sendFile(fileOf(`page ${run} ${long}`), { cacheControl: false }),
    (run) => `page ${run} ${long}`,
  ],
  [
    'res.download, with a callback',
    (_q, res, run, next) =>
      res.download(fileOf(`page ${run}`), 'page.txt', { cacheControl: false }, (error) => error && next(error)),
    (run) => `page ${run}`,
  ],
  [
    'res.render',
    (req, res, run) => {
      req.app.engine('txt', (_path: string, options: object, done: (error: null, text: string) => void) =>
        done(null, `page ${(options as { run: number }).run}`),
      );
      req.app.set('views', folder);
      res.render(fileOf('a view'), { run });
    },
    (run) => `page ${run}`,
  ],
  ['a redirect', (_q, res, run) => res.redirect(301, `/elsewhere/${run}`), (run) => `/elsewhere/${run}`],
];

describe.each(EXPRESSES)('stale-while-revalidate on %s', (_version, express) => {
  const site = (handler: Handler, more: More = {}, parts?: SiteParts): Promise<Site> =>
    siteOf(express, cachedBy(more), handler, parts);

  it.each([
    ['by the response', {}, BRIEF],
    ['by the options', { ttlMs: 1, staleMs: 60_000 }, undefined],
  ])(
    '%s: the stale page comes at once, the route runs without a client, and its page comes next',
    async (_, more, first) => {
      const { opened, open } = gate();
      const detached: boolean[] = [];
      const { ask, cached, seen } = await site(async (req, res, run) => {
        detached.push(isDetached(req));
        const said = run === 1 ? first : LASTING;
        if (said !== undefined) res.set('Cache-Control', said);
        if (run > 1) await opened;
        res.set('X-Run', String(run)).type('text').send(`page ${run}`);
      }, more);
      const stale = await staleOf({ ask, cached });
      expect([stale.status, stale.text, stale.header('X-Run'), stale.header('Age')]).toEqual([200, 'page 1', '1', '0']);
      await eventually(() => expect(seen.runs).toBe(2));
      for (const { text, header } of await race(10, () => ask('/page'))) {
        expect([text, header('Cache-Status')]).toEqual(['page 1', 'turnpike; hit; ttl=-1']);
      }
      open();
      const fresh = await nextPage(ask, 'page 2');
      expect([fresh.header('X-Run'), fresh.header('Cache-Status')]).toEqual([
        '2',
        expect.stringMatching(/^turnpike; hit; ttl=(59|60|\d)$/),
      ]);
      expect(detached).toEqual([false, true]);
    },
  );

  it(`renders what answers by ${WAYS.map(([way]) => way).join('; ')}`, async () => {
    await atOnce(WAYS, async (path, _way, handler, page) => {
      const { ask, cached, seen } = await site(brief(handler));
      const told = (answer: Answer): string => answer.header('Location') ?? answer.text;
      const stale = await staleOf({ ask, cached }, path);
      expect(told(stale) === page(1)).toBe(true);
      const fresh = await eventually(async () => {
        const hit = await hitOf(ask, path);
        expect(told(hit) === page(2)).toBe(true);
        return hit;
      });
      expect(fresh.headers.length).toBe(stale.headers.length);
      expect(seen.runs).toBe(2);
    });
  });

  it('runs what is mounted outside once more, as routers and apps are nested', async () => {
    const app = appOf(express);
    const runs: Record<string, number> = {};
    const seen: unknown[] = [];
    const show: RequestHandler = (req, res) => {
      const run = (runs[req.originalUrl] = (runs[req.originalUrl] ?? 0) + 1);
      const { originalUrl, baseUrl, url, path, query, params, protocol, hostname, method, secure, httpVersion } = req;
      const view = { originalUrl, baseUrl, url, path, query: { ...query }, params: { ...params } };
      const { tenant } = res.locals;
      seen.push({ ...view, protocol, hostname, method, secure, httpVersion, tenant, app: req.app.get('name') });
      res.set('Cache-Control', run === 1 ? BRIEF : LASTING);
      res.json({ run });
    };
    const [ofItems, ofSub, ofCalled] = [cachedBy(), cachedBy(), cachedBy()];
    app.set('name', 'outer');
    app.use((_req, res, next) => {
      res.locals['tenant'] = 'acme';
      next();
    });
    const router = express.Router();
    const inner = express.Router({ mergeParams: true });
    inner.get('/items/:item', ofItems as RequestHandler, show);
    router.use('/shops/:shop', inner);
    app.use('/api', router);
    const sub = appOf(express, { name: 'sub' });
    const subSub = appOf(express, { name: 'sub of sub' });
    subSub.use(ofSub as RequestHandler);
    subSub.get('/deep/:n', show);
    sub.use('/two', subSub);
    app.use('/one', sub);
    // Of this one nothing says that it is not all there is.
    const called = appOf(express, { name: 'called' });
    called.get('/called/:n', ofCalled as RequestHandler, show);
    app.use((req, res, next) => void called(req, res, next));
    const ask = await serve(app);

    for (const [path, cached] of [
      ['/api/shops/7/items/8?b=2&a=1', ofItems],
      ['/one/two/deep/9?q=%20x', ofSub],
      ['/called/3', ofCalled],
    ] as const) {
      seen.length = 0;
      expect((await staleOf({ ask, cached }, path)).json()).toEqual({ run: 1 });
      await nextPage(ask, '{"run":2}', path);
      expect(seen).toHaveLength(2);
      expect(seen[1]).toEqual(seen[0]);
    }
  });

  it('gives the run no header but those that a page is made of, or varies by', async () => {
    const runs: Request[] = [];
    const { ask, cached } = await site(
      brief((req, res, run) => {
        runs.push(req);
        res.vary('X-Colour').type('text').send(`page ${run}`);
      }),
      { scope: 'public' },
    );
    const shared = { 'X-Colour': 'red', 'Accept-Language': 'de', 'User-Agent': 'test/1' };
    const personal = {
      Cookie: 'session=1',
      Authorization: 'Bearer 1',
      'Proxy-Authorization': 'Basic 1',
      'X-Api-Key': '1',
      'X-Custom': '1',
      'If-None-Match': '"x"',
      'If-Modified-Since': 'Thu, 01 Jan 1970 00:00:00 GMT',
      'If-Range': '"x"',
      Range: 'bytes=0-1',
      'Cache-Control': 'no-cache',
      Referer: 'http://elsewhere/',
      'X-Request-Id': '1',
    };
    await staleOf({ ask, cached }, '/page', { headers: { ...shared, ...personal } });
    await nextPage(ask, 'page 2', '/page', { headers: shared });
    const [, { headers, rawHeaders, headersDistinct }] = runs as [Request, Request];
    const allowed = { host: 'test', 'accept-language': 'de', 'user-agent': 'test/1', 'x-colour': 'red' };
    expect(headers).toEqual(allowed);
    expect(rawHeaders.toSorted()).toEqual(Object.entries(allowed).flat().toSorted());
    expect({ ...headersDistinct }).toEqual(
      Object.fromEntries(Object.entries(allowed).map(([name, value]) => [name, [value]])),
    );
  });

  const OVERRIDES: [name: string, value: string][] = [
    ['X-Forwarded-Host', 'ann.example'],
    ['X-Forwarded-Prefix', '/ann'],
    ['X-Forwarded-Path', '/ann'],
    ['X-Original-Host', 'ann.example'],
    ['X-Original-URL', '/ann'],
    ['X-Rewrite-URL', '/ann'],
    ['X-Host', 'ann.example'],
    ['X-HTTP-Method-Override', 'PATCH'],
    ['Front-End-Https', 'on'],
    ['Forwarded', 'for=10.0.0.1;host=ann.example;proto=https'],
  ];
  it('renders the page of whoever sends what may count for a host or a path for none but these', async () => {
    await atOnce(OVERRIDES, async (path, name, value) => {
      const { ask, cached } = await site(
        brief((req, res, run) => res.type('text').send(`page ${run} of ${req.get(name) ?? 'all'}`)),
      );
      const sent = { headers: { [name]: value } };
      await staleOf({ ask, cached }, path, sent);
      await nextPage(ask, `page 2 of ${value}`, path, sent);
    });
  });

  it('stores nothing under the key of a page when the run turns out to be one for another', async () => {
    const { ask, cached, seen } = await site(
      brief((req, res, run) => res.type('text').send(`page ${run} of ${req.url}`)),
      {},
      {
        before: [
          (req, _res, next) => {
            if (req.headers['x-beta'] !== undefined) req.url = `/beta${req.url}`;
            next();
          },
        ],
      },
    );
    const beta = { headers: { 'X-Beta': '1' } };
    await staleOf({ ask, cached }, '/page', beta);
    await eventually(() => expect(seen.arrived).toBeGreaterThan(2));
    await sleep(30);
    expect((await ask('/page', beta)).text).toMatch(/ of \/beta\/page$/);
    expect((await ask('/page')).text).toMatch(/ of \/page$/);
    expect((await ask('/page', beta)).text).toMatch(/ of \/beta\/page$/);
  });

  it('what the request that found it stale keeps in an AsyncLocalStorage does not get onto the page', async () => {
    const als = new AsyncLocalStorage<string>();
    const runs: Record<string, number> = {};
    const { ask, cached } = await site(
      async (req, res) => {
        const run = (runs[req.url] = (runs[req.url] ?? 0) + 1);
        const early = als.getStore() ?? 'nobody';
        await sleep(2);
        res.set('Cache-Control', run === 1 ? BRIEF : LASTING).type('text');
        Readable.from([`page ${run} of ${early} `, als.getStore() ?? 'nobody']).pipe(res);
      },
      {},
      {
        before: [
          (req, _res, next) => {
            const user = req.get('X-Who');
            if (user === undefined) next();
            else if (req.query['enter'] === undefined) als.run(user, next);
            else {
              als.enterWith(user);
              next();
            }
          },
        ],
      },
    );
    for (const path of ['/page', '/page?enter']) {
      expect((await asked({ ask, cached }, path)).text).toBe('page 1 of nobody nobody');
      const stale = await ask(path, { headers: { 'X-Who': 'ann' } });
      expect(stale.header('Cache-Status')).toMatch(/^turnpike; hit; ttl=-/);
      await nextPage(ask, 'page 2 of nobody nobody', path);
    }
  });

  it('runs at most ten at once, and the others when there is room', async () => {
    const { opened, open } = gate();
    const runs = new Map<string, number>();
    let [running, most] = [0, 0];
    const { ask, cached, seen } = await site(async (req, res) => {
      const run = (runs.get(req.url) ?? 0) + 1;
      runs.set(req.url, run);
      res.set('Cache-Control', run === 1 ? BRIEF : LASTING);
      if (run > 1) {
        most = Math.max(most, (running += 1));
        await opened;
        running -= 1;
      }
      res.type('text').send(`page ${run}`);
    });
    const paths = Array.from({ length: 15 }, (_, n) => `/page/${n}`);
    await allAsked({ ask, cached }, paths);
    await race(15, (n) => ask(String(paths[n])));
    await eventually(() => expect(running).toBe(10));
    await race(15, (n) => ask(String(paths[n])));
    await sleep(30);
    expect([seen.runs, running, most]).toEqual([25, 10, 10]);
    open();
    await race(15, (n) => nextPage(ask, 'page 2', paths[n]));
    expect(most).toBe(10);
    expect([...runs.values()]).toEqual(paths.map(() => 2));
  });

  it('runs once for a page, over two caches', async () => {
    const { opened, open } = gate();
    const runs: string[] = [];
    const two = await Promise.all(
      ['one', 'two'].map((name) =>
        site(async (_req, res) => {
          runs.push(name);
          res.set('Cache-Control', runs.length === 1 ? BRIEF : LASTING);
          if (runs.length > 1) await opened;
          res.type('text').send(`page ${runs.length}`);
        }),
      ),
    );
    const [one, other] = two.map(({ ask }) => ask) as [Ask, Ask];
    await asked(two[0] as Site);
    await race(40, (n) => hitOf(n % 2 === 0 ? one : other, '/page'));
    await eventually(() => expect(runs).toHaveLength(2));
    for (const { text } of await race(40, (n) => (n % 2 === 0 ? one : other)('/page'))) expect(text).toBe('page 1');
    expect(runs).toHaveLength(2);
    open();
    await nextPage(one, 'page 2');
    await nextPage(other, 'page 2');
    expect(runs).toHaveLength(2);
  });

  const FAILURES: [name: string, failing: Handler][] = [
    ['next(error)', (_q, _s, _r, next) => next(new Error('no'))],
    [
      'what it throws',
      () => {
        throw new Error('no');
      },
    ],
    ['a rejected promise', () => Promise.reject(new Error('no'))],
    ['a 503', (_q, res) => res.status(503).send('sorry')],
    ['a 500 that is streamed', (_q, res) => Readable.from(['so', 'rry']).pipe(res.status(500))],
    ['an answer that breaks off', (_q, res) => void res.write('half', () => res.destroy())],
  ];

  const HANDLED: [by: string, parts: SiteParts][] = [
    ['Express’s own error handler', {}],
    [
      'an error handler that says 503',
      { failed: (_error, _req, res, _next) => void res.status(503).set('X-Failed', '1').send('sorry') },
    ],
  ];
  it('keeps the stale page when the run fails in whatever way, whoever handles it, and tries again', async () => {
    const rows = HANDLED.flatMap(([by, parts]) =>
      FAILURES.map(([name, failing]): [string, Handler, SiteParts] => [`${name}, ${by}`, failing, parts]),
    );
    await atOnce(rows, async (path, _what, failing, parts) => {
      const one = await site(
        brief((req, res, run, next) => (run === 2 ? failing(req, res, run, next) : counted(req, res, run, next))),
        {},
        parts,
      );
      await staleOf(one, path);
      await eventually(() => expect(one.seen.runs).toBe(2));
      await sleep(20);
      const kept = await one.ask(path);
      expect([kept.status, kept.text, kept.header('X-Failed')]).toEqual([200, 'page 1', undefined]);
      await nextPage(one.ask, 'page 3', path);
    });
  });

  const REFUSED: [what: string, refused: Handler][] = [
    ['404', (_q, res) => res.status(404).send('gone')],
    ['403', (_q, res) => res.status(403).send('no')],
    ['private', (_q, res) => res.set('Cache-Control', 'private').send('mine')],
    ['no-store', (_q, res) => res.set('Cache-Control', 'no-store').send('mine')],
    ['Set-Cookie', (_q, res) => res.cookie('session', '1').send('mine')],
    ['what it reads of who asks', (req, res) => res.send(`mine ${JSON.stringify(Reflect.get(req, 'user'))}`)],
    ['Vary: Cookie', (_q, res) => res.vary('Cookie').send('mine')],
    ['a page over the cap', (_q, res) => res.send('x'.repeat(3000))],
  ];
  it(`drops the page when the run says that there is none to store: ${REFUSED.map(([what]) => what).join('; ')}`, async () => {
    warningsSeen('TURNPIKE_WARN_CACHE_PERSONAL');
    await atOnce(REFUSED, async (path, _what, refused) => {
      const { ask, cached, seen } = await site(
        brief((req, res, run, next) => (run === 2 ? refused(req, res, run, next) : counted(req, res, run, next))),
        { maxBytes: 2000 },
      );
      await staleOf({ ask, cached }, path);
      await eventually(() => expect(seen.runs).toBe(2));
      // Sooner than a run that has failed would be tried again.
      await eventually(async () => expect((await ask(path)).text).not.toBe('page 1'), { withinMs: 700 });
      const { text, header } = await ask(path);
      expect([text, header('Set-Cookie')]).toEqual([expect.stringMatching(/^page \d+$/), undefined]);
    });
  });

  it('brings a page of other variants in the place of one without', async () => {
    const { ask, cached, seen } = await site(
      brief((req, res, run) => {
        if (run > 1) res.vary('Accept-Language');
        res.type('text').send(`page ${run} ${req.get('Accept-Language')}`);
      }),
    );
    const [en, de] = [{ headers: { 'Accept-Language': 'en' } }, { headers: { 'Accept-Language': 'de' } }];
    await staleOf({ ask, cached }, '/page', en);
    await nextPage(ask, 'page 2 en', '/page', en);
    expect((await ask('/page', de)).text).toBe('page 3 de');
    expect((await hitOf(ask, '/page', de)).text).toBe('page 3 de');
    expect(seen.runs).toBe(3);
  });

  it('never renders the page of one user behind it: that is rendered for the user, and no other’s', async () => {
    const runs: boolean[] = [];
    const { ask, cached } = await site(
      (req, res, run) => {
        runs.push(isDetached(req));
        res
          .set('Cache-Control', BRIEF)
          .type('text')
          .send(`page ${run} of ${req.get('X-Who')}`);
      },
      { scope: ({ headers }) => headers['x-who']?.toString() },
    );
    for (let n = 0; n < 5; n += 1) {
      for (const user of ['ann', 'bob']) {
        const page = await asked({ ask, cached }, '/page', { headers: { 'X-Who': user } });
        expect(page.text).toMatch(new RegExp(` of ${user}$`));
      }
    }
    expect(runs).not.toContain(true);
    // What nobody renders behind it is not served stale either.
    expect(runs).toHaveLength(10);
  });

  it('a guard outside does the page no harm, whatever it does with a request that lacks what its client has', async () => {
    const guards: [name: string, guard: RequestHandler][] = [
      ['refuses it', (_q, res) => void res.status(401).send('who?')],
      ['answers it', (_q, res) => void res.status(200).send('under construction')],
      ['redirects it', (_q, res) => res.redirect('/login')],
      ['fails it', (_q, _res, next) => next(new Error('no'))],
      [
        'throws',
        () => {
          throw new Error('no');
        },
      ],
      ['breaks it off', (req) => void req.socket.destroy()],
      ['forgets it', () => undefined],
    ];
    await race(guards.length, async (n) => {
      const [name, guard] = guards[n] as (typeof guards)[number];
      let guarded = 0;
      const one = await site(brief(counted), name === 'forgets it' ? { loadTimeoutMs: 200 } : {}, {
        before: [
          (req, res, next) => {
            if (req.get('X-Pass') !== undefined) return next();
            guarded += 1;
            guard(req, res, next);
          },
        ],
      });
      const path = `/page/${n}`;
      const pass = { headers: { 'X-Pass': '1' } };
      await staleOf(one, path, pass);
      await eventually(() => expect([name, guarded]).toEqual([name, 1]));
      await sleep(20);
      const stale = await one.ask(path, pass);
      expect([name, stale.status, stale.text]).toEqual([name, 200, 'page 1']);
      // It is tried again, after a pause.
      await eventually(
        async () => {
          expect((await one.ask(path, pass)).text).toBe('page 1');
          expect(guarded).toBeGreaterThan(1);
        },
        { withinMs: 4000 },
      );
      expect([name, one.seen.runs]).toEqual([name, 1]);
    });
  });

  it.each([
    ['its own', {}, {}, /^(?:::ffff:)?127\.0\.0\.1$/],
    ['that of a trusted proxy', { 'trust proxy': true }, { 'X-Forwarded-For': '10.1.2.3, 10.0.0.1' }, /^10\.1\.2\.3$/],
  ])('has the address of the request that has caused it: %s', async (_, set, headers, ip) => {
    const runs: unknown[][] = [];
    const { ask, cached } = await site(
      brief(async (req, res, run) => {
        const view = (): unknown[] => [
          req.ip,
          req.ips.length,
          req.protocol,
          req.secure,
          req.socket.remoteAddress,
          req.socket.remoteFamily,
          res.socket?.remoteAddress,
        ];
        runs.push(view());
        await sleep(5);
        runs.push(view());
        res.type('text').send(`page ${run}`);
      }),
      {},
      { set },
    );
    await staleOf({ ask, cached }, '/page', { headers });
    await nextPage(ask, 'page 2', '/page', { headers });
    expect(runs).toHaveLength(4);
    for (const run of runs) {
      expect(run).toEqual(runs[0]);
      expect(run[0]).toMatch(ip);
      expect(run[4]).toMatch(/127\.0\.0\.1$/);
    }
  });

  it('a page that was rendered from what has been changed meanwhile is never stored', async () => {
    const cached = cachedBy();
    const app = appOf(express);
    const prices = new Map<string, number>();
    const waiting: (() => void)[] = [];
    let holds = false;
    app.get('/:kind/:id', cached as RequestHandler, (req: Request, res: Response, next) => {
      const read = async (): Promise<void> => {
        const { kind, id } = req.params as { kind: string; id: string };
        const price = prices.get(id) ?? 1;
        cacheTags(res, `product:${id}`);
        if (isDetached(req) && holds) await new Promise<void>((resolve) => waiting.push(resolve));
        if (kind === 'varied') res.vary('Accept-Language');
        res.set('Cache-Control', BRIEF).type('text').send(`costs ${price}`);
      };
      read().catch(next);
    });
    const change: RequestHandler = (req, res) => {
      const { id } = req.params as { id: string };
      prices.set(id, (prices.get(id) ?? 1) + 1);
      res.sendStatus(204);
    };
    const tags = ({ params }: Request): string[] => [`product:${params['id'] as string}`];
    app.put('/products/:id', invalidates({ cache: cached.cache, tags } as never) as RequestHandler, change);
    app.put('/plain/:id', invalidates({ cache: cached.cache }) as RequestHandler, change);
    app.put('/varied/:id', invalidates({ cache: cached.cache }) as RequestHandler, change);
    const ask = await serve(app);

    let id = 0;
    for (const kind of ['plain', 'varied']) {
      for (const by of ['products', kind]) {
        id += 1;
        holds = true;
        const path = `/${kind}/${id}`;
        expect((await staleOf({ ask, cached }, path)).text).toBe('costs 1');
        await eventually(() => expect(waiting).toHaveLength(1));
        expect((await ask(`/${by}/${id}`, { method: 'PUT' })).status).toBe(204);
        // Not stale: absent. And nobody waits for the run that began before.
        const after = await ask(path);
        expect([after.text, after.header('Cache-Status')]).toEqual(['costs 2', 'turnpike; fwd=uri-miss']);
        holds = false;
        for (const goOn of waiting.splice(0)) goOn();
        for (let n = 0; n < 10; n += 1) {
          expect((await ask(path)).text).toBe('costs 2');
          await sleep(5);
        }
      }
    }
  });
});

/** Expired as soon as it is there, and kept for when its handler fails. */
const KEPT = { ttlMs: 1, staleIfErrorMs: 60_000 };

describe.each(EXPRESSES)('stale-if-error on %s', (_version, express) => {
  const site = (handler: Handler, more: More = {}, parts?: SiteParts): Promise<Site> =>
    siteOf(express, cachedBy({ ...KEPT, ...more }), handler, parts);

  /** Express shows its stack, and that is as long as the way to it. */
  const failure = (message: string): Error => Object.assign(new Error(message), { stack: message });

  const FAILURES: [name: string, failing: Handler, parts?: SiteParts][] = [
    ['a 500', (_q, res) => withHeaders(res).status(500).send('sorry')],
    ['a 503 with a message', (_q, res) => void withHeaders(res).writeHead(503, 'Busy', { 'X-Late': '1' }).end('sorry')],
    ['a 500 without a body', (_q, res) => void withHeaders(res).status(500).end()],
    [
      'a 500 in pieces',
      async (_q, res) => {
        withHeaders(res).status(500).write('so');
        await sleep(5);
        res.write('rr');
        res.end('y');
      },
    ],
    ['a 500 that is piped', (_q, res) => Readable.from(['so', 'rry', long]).pipe(withHeaders(res).status(500))],
    [
      'a 502 that was flushed',
      (_q, res) => {
        withHeaders(res).status(502).flushHeaders();
        setTimeout(() => res.end('sorry'), 5);
      },
    ],
    ['next(error)', (_q, res, _run, next) => next(failure(String(withHeaders(res).statusCode)))],
    [
      'a rejected promise',
      async () => {
        await sleep(1);
        throw failure('no');
      },
    ],
    [
      'next(error), and an error handler that sets headers',
      (_q, _s, _r, next) => next(failure('no')),
      { failed: (_error, _req, res, _next) => void withHeaders(res).status(500).json({ error: 'sorry' }) },
    ],
    [
      'next(error), and an error handler that streams',
      (_q, _s, _r, next) => next(failure('no')),
      { failed: (_error, _req, res, _next) => void Readable.from(['so', 'rry']).pipe(withHeaders(res).status(500)) },
    ],
  ];

  it(`the kept page stands, with nothing of it, for ${FAILURES.map(([name]) => name).join('; ')}`, async () => {
    await atOnce<(typeof FAILURES)[number]>(FAILURES, async (path, _name, failing, parts) => {
      const { ask, cached, seen } = await site(
        (req, res, run, next) =>
          run === 1
            ? res.set({ 'X-Page': '1', ETag: '"one"', 'Content-Language': 'en' }).type('text').send('page 1')
            : failing(req, res, run, next),
        {},
        parts,
      );
      const first = await asked({ ask, cached }, path);
      const bare = ({ headers }: Answer): string[] => headers.filter((line) => !/^(age|cache-status):/i.test(line));
      const kept = await ask(path);
      expect(seen.runs).toBe(2);
      expect([kept.statusLine, kept.text]).toEqual([first.statusLine, 'page 1']);
      expect(bare(kept)).toEqual(bare(first));
      expect(kept.header('Cache-Status')).toMatch(/^turnpike; hit; ttl=-\d+$/);
      expect(kept.header('Age')).toBe('0');
      // It is answered from what is there for a moment, and the handler left in peace.
      const again = await ask(path);
      expect([again.text, seen.runs]).toEqual(['page 1', 2]);
      expect(again.header('Cache-Status')).toMatch(/^turnpike; hit; ttl=-\d+$/);
      expect(bare(again)).toEqual(bare(first));
    });
  });

  it('where none is kept, each of these is the answer', async () => {
    await atOnce<(typeof FAILURES)[number]>(FAILURES, async (path, _name, failing, parts) => {
      const none = ((_q: Request, _s: Response, next: () => void) => next()) as never;
      const bare = await siteOf(express, none, failing, parts);
      const { ask, seen } = await site(failing, {}, parts);
      const plain = await bare.ask(path);
      for (const runs of [1, 2]) {
        const answer = await ask(path);
        expect([answer.statusLine, answer.text.length, seen.runs]).toEqual([plain.statusLine, plain.text.length, runs]);
        expect(answer.headers.filter((line) => !/^cache-status:/i.test(line))).toEqual(plain.headers);
        expect(answer.header('Cache-Status')).toMatch(
          runs === 1 ? /^turnpike; fwd=uri-miss; detail=error$/ : /fwd=uri-miss/,
        );
      }
    });
  });

  it('conditions and ranges are answered of the kept page', async () => {
    const { ask, cached } = await site((_q, res, run) =>
      run === 1 ? res.set('ETag', '"one"').type('text').send('page 1') : withHeaders(res).status(500).send('sorry'),
    );
    await asked({ ask, cached });
    const unchanged = await ask('/page', { headers: { 'If-None-Match': '"one"' } });
    expect([unchanged.status, unchanged.header('ETag'), unchanged.header('X-Error')]).toEqual([
      304,
      '"one"',
      undefined,
    ]);
    const part = await ask('/page', { headers: { Range: 'bytes=0-3' } });
    expect([part.status, part.text]).toEqual([206, 'page']);
  });

  it('all who wait for the run that fails get the kept page', async () => {
    const { opened, open } = gate();
    const { ask, cached, seen } = await site(async (_q, res, run) => {
      if (run === 1) return res.type('text').send('page 1');
      await opened;
      return withHeaders(res).status(500).send('sorry');
    });
    await asked({ ask, cached });
    const waiting = race(20, () => ask('/page'));
    await eventually(() => expect(seen.arrived).toBe(21));
    await sleep(20);
    open();
    for (const { status, text, header } of await waiting) {
      expect([status, text, header('X-Error')]).toEqual([200, 'page 1', undefined]);
      expect(header('Cache-Status')).toMatch(/^turnpike; hit; ttl=-/);
    }
    expect(seen.runs).toBe(2);
  });

  it('an error that comes after loadTimeoutMs reaches its client all the same', async () => {
    const { ask } = await site(
      async (req, res) => {
        await sleep(80);
        res
          .status(500)
          .type('text')
          .send(`sorry ${req.get('If-None-Match') ?? ''}`);
      },
      { loadTimeoutMs: 30 },
    );
    const answered = race(3, () => ask('/page'));
    expect(await Promise.race([answered, sleep(3000)])).toHaveLength(3);
    for (const { status, text } of await answered) expect([status, text]).toEqual([500, 'sorry ']);
    expect(await Promise.race([ask('/page', { headers: { 'If-None-Match': '"x"' } }), sleep(3000)])).toMatchObject({
      status: 500,
    });
  });

  it('an error longer than the cap reaches its client, kept page or not, and comes as it is streamed', async () => {
    const sorry = 'x'.repeat(5000);
    const { ask, cached } = await site(
      (_q, res, run) => (run === 1 ? res.type('text').send('page 1') : res.status(500).type('text').send(sorry)),
      { maxBytes: 1000 },
    );
    await asked({ ask, cached });
    const answer = await ask('/page');
    expect([answer.status, answer.text].join()).toMatch(/^(200,page 1|500,x{5000})$/);
    expect((await ask('/other')).text).toBe(sorry);
  });

  it('says where it is from: a page that replaces one that was kept', async () => {
    const { ask, cached } = await site(counted);
    await asked({ ask, cached });
    const second = await ask('/page');
    expect([second.text, second.header('Cache-Status')]).toEqual(['page 2', 'turnpike; fwd=stale']);
  });

  it('a page that was invalidated is not kept for anything', async () => {
    const { ask, cached } = await site((_q, res, run) => {
      cacheTags(res, 'row');
      return run === 1 ? res.type('text').send('page 1') : res.status(500).send('sorry');
    });
    await asked({ ask, cached });
    await cached.cache.invalidate({ tags: ['row'] });
    const answer = await ask('/page');
    expect([answer.status, answer.text]).toEqual([500, 'sorry']);
  });
});

describe.each(EXPRESSES.slice(-1))('what takes long, and no Express has a part in, on %s', (_version, express) => {
  const site = (handler: Handler, more: More = {}): Promise<Site> => siteOf(express, cachedBy(more), handler);

  it('a refresh ends that takes longer than loadTimeoutMs, as a client does that hangs up, and another may begin', async () => {
    const events: string[] = [];
    const { ask, cached, seen } = await site(
      brief((req, res, run) => {
        if (run === 1 || run > 11) return res.type('text').send(`page ${run}`);
        // Neither says anything, nor ever.
        res.once('close', () =>
          events.push(`${run} closed, ${res.destroyed && req.destroyed && req.socket.destroyed}`),
        );
        if (run % 2 === 0) res.write('some');
        return undefined;
      }),
      { loadTimeoutMs: 60 },
    );
    await staleOf({ ask, cached });
    await eventually(() => expect(events).toEqual(['2 closed, true']));
    // A pause after what has failed; then another, and so on.
    await eventually(() => hitOf(ask, '/page').then(() => expect(seen.runs).toBe(3)), { withinMs: 3000 });
    await eventually(() => expect(events).toEqual(['2 closed, true', '3 closed, true']));
    expect((await ask('/page')).text).toBe('page 1');
  });

  it('refreshes have room again when ten have taken too long', async () => {
    let [closed, hung] = [0, 0];
    const runs = new Map<string, number>();
    const { ask, cached } = await site(
      (req, res) => {
        const run = (runs.get(req.url) ?? 0) + 1;
        runs.set(req.url, run);
        res.set('Cache-Control', run === 1 ? BRIEF : LASTING);
        if (run === 1 || req.url === '/last') return void res.type('text').send(`page ${run}`);
        hung += 1;
        res.once('close', () => (closed += 1));
      },
      { loadTimeoutMs: 200 },
    );
    const paths = [...Array.from({ length: 10 }, (_, n) => `/page/${n}`), '/last'];
    await allAsked({ ask, cached }, paths);
    await race(10, (n) => ask(String(paths[n])));
    await eventually(() => expect(hung).toBe(10));
    await eventually(() => expect(closed).toBe(10));
    await nextPage(ask, 'page 2', '/last');
  });

  it('a refresh is over at once for a page over the cap that is streamed', async () => {
    const ends: string[] = [];
    const one = await site(
      brief((_q, res, run) => {
        if (run === 1) return res.type('text').send('page 1');
        res.once('finish', () => ends.push('finish'));
        return Readable.from(Array.from({ length: 20 }, () => 'x'.repeat(40_000))).pipe(res);
      }),
      { maxBytes: 2000 },
    );
    await staleOf(one);
    await eventually(() => expect(ends).toEqual(['finish']));
  });

  it('a page is stale by the response while it is revalidated, then kept for when that fails', async () => {
    let fails = false;
    const { ask, cached, seen } = await site(
      (_q, res, run) =>
        fails
          ? withHeaders(res).status(500).send('sorry')
          : res
              .set('Cache-Control', 'max-age=0, stale-while-revalidate=1, stale-if-error=60')
              .type('text')
              .send(`page ${run}`),
      { ttlMs: 1 },
    );
    await asked({ ask, cached });
    fails = true;
    expect((await ask('/page')).text).toBe('page 1');
    await eventually(() => expect(seen.runs).toBe(2));
    await sleep(1100); // its stale window, and the pause after a failure
    const kept = await ask('/page');
    expect([kept.status, kept.text, seen.runs]).toEqual([200, 'page 1', 3]);
    expect(kept.header('Cache-Status')).toMatch(/^turnpike; hit; ttl=-2$/);
    fails = false;
    await sleep(1100);
    const next = await ask('/page');
    expect([next.text, next.header('Cache-Status')]).toEqual(['page 4', 'turnpike; fwd=stale']);
  });
});
