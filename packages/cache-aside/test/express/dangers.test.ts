import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Readable, pipeline } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { eventually, race, scale } from '@turnpike/test-kit';
import { setting } from '@turnpike/test-kit/vitest';
import type { Request, RequestHandler, Response } from 'express';
import session from 'express-session';
import fc from 'fast-check';
import onHeaders from 'on-headers';
import { describe, expect, it } from 'vitest';
import {
  type Answer,
  type Ask,
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
  storedText,
  warningsSeen,
  zeroOptions,
} from './app.ts';

const it_ = setting();

const counted: Handler = (_req, res, run) => void res.type('text').send(`page ${run}`);

const headed =
  (headers: Record<string, string | string[]>, status = 200): Handler =>
  (_req, res, run) =>
    void res.status(status).set(headers).type('text').send(`page ${run}`);

const setting_ =
  (set: (req: Request, res: Response) => unknown): RequestHandler =>
  (req, res, next) => {
    set(req, res);
    next();
  };

/** What middlewares like on-headers, or express-session, do: when everybody else has set their headers. */
const late = (set: (res: Response) => void): RequestHandler => setting_((_req, res) => onHeaders(res, () => set(res)));

/** One request after the other, with time between them in which a page would get into Redis. */
async function inTurn(ask: Ask, ...requests: (Sent & { path?: string })[]): Promise<Answer[]> {
  const answers: Answer[] = [];
  for (const { path = '/page', ...sent } of requests) {
    answers.push(await ask(path, sent));
    await sleep(15);
  }
  return answers;
}

/** Nothing of the cache answers, and nothing of the page is in Redis. */
async function isNeverStored({ ask, seen }: Site, sent: Sent & { path?: string } = {}): Promise<Answer[]> {
  const answers = await inTurn(ask, sent, sent, sent);
  expect(seen.runs).toBe(3);
  for (const answer of answers) expect(answer.header('Cache-Status') ?? '').not.toMatch(/; hit/);
  expect(await storedText(it_.clients)).not.toContain('page');
  return answers;
}

async function isStored({ ask, seen }: Site, sent: Sent & { path?: string } = {}): Promise<Answer> {
  const { path = '/page', ...rest } = sent;
  await ask(path, rest);
  const hit = await hitOf(ask, path, rest);
  expect(seen.runs).toBe(1);
  return hit;
}

const texts = (answers: readonly Answer[]): string[] => answers.map(({ text }) => text);
const same = (answers: readonly Answer[]): string[] => [...new Set(texts(answers))];

describe.each(EXPRESSES)('with no option but a time to live, on %s', (_version, express) => {
  const site = (handler: Handler, parts?: SiteParts): Promise<Site> =>
    siteOf(express, zeroOptions(it_.clients), handler, parts);

  describe('people', () => {
    const WHO: [string, (name: string) => Record<string, string>][] = [
      ['Authorization', (name) => ({ Authorization: `Bearer ${name}` })],
      ['Cookie', (name) => ({ Cookie: `sid=${name}` })],
      ['X-API-Key', (name) => ({ 'X-API-Key': name })],
    ];
    /** Who is asking, found out before the cache, so that it does not see what the handler reads. */
    const whoIsIt = setting_((req, res) => {
      const { authorization, cookie, 'x-api-key': key } = req.headers;
      res.locals['who'] = /\w+$/.exec(String(authorization ?? cookie ?? key ?? 'nobody'))?.[0];
    });
    const greets: Handler = (_req, res) => void res.type('text').send(`page of ${res.locals['who']}`);

    it.each(WHO)('that are told apart by %s each get their own page, and none of it is stored', async (_name, as) => {
      const { ask } = await site(greets, { before: [whoIsIt] });
      const names = ['alice', 'bob', 'alice', 'bob', 'nobody', 'alice', 'nobody'];
      const answers = await inTurn(ask, ...names.map((name) => (name === 'nobody' ? {} : { headers: as(name) })));
      expect(texts(answers)).toEqual(names.map((name) => `page of ${name}`));
      const atOnce = await race(20, (n) => ask('/page', { headers: as(n % 2 === 0 ? 'alice' : 'bob') }));
      for (const [n, { text }] of atOnce.entries()) expect(text).toBe(`page of ${n % 2 === 0 ? 'alice' : 'bob'}`);
      expect(await storedText(it_.clients)).not.toMatch(/alice|bob/);
      expect(answers[0]?.header('Cache-Status')).toMatch(/^turnpike; fwd=bypass; detail=\S/);
    });

    it.each(WHO)('with %s get their own page while 20 without one wait for theirs', async (_name, as) => {
      const { ask, seen } = await site(
        async (req, res, run, next) => {
          await eventually(() => seen.arrived === 21);
          greets(req, res, run, next);
        },
        { before: [whoIsIt] },
      );
      const answers = await race(21, (n) => ask('/page', n === 10 ? { headers: as('alice') } : {}));
      for (const [n, { text }] of answers.entries()) expect(text).toBe(`page of ${n === 10 ? 'alice' : 'nobody'}`);
      expect(seen.runs).toBe(2);
    });

    const READS: [what: string, read: (req: any) => unknown][] = [
      ['req.user', (req) => req.user],
      ['req.session', (req) => req.session],
      ['req.cookies', (req) => req.cookies],
      ['req.signedCookies', (req) => req.signedCookies],
      ['req.headers.cookie', (req) => req.headers.cookie],
      ['req.headers.authorization', (req) => req.headers.authorization],
      ["req.get('Cookie')", (req) => req.get('Cookie')],
      ["req.header('Authorization')", (req) => req.header('Authorization')],
      ['a destructured user', ({ user }) => user],
    ];
    const signsIn = setting_((req) => {
      const name = req.get('X-Who');
      Object.assign(req, { user: name, session: { user: name }, cookies: { name }, signedCookies: { name } });
    });
    const asWho: Sent[] = ['alice', 'bob', 'carol'].map((name) => ({ headers: { 'X-Who': name } }));

    it.each(READS)(
      'a page whose handler reads %s is not stored, and one warning names the route',
      async (_what, read) => {
        const warnings = warningsSeen('TURNPIKE_WARN_CACHE_PERSONAL');
        const { ask, seen } = await site(
          (req, res) => {
            read(req);
            res.type('text').send(`page of ${req.get('X-Who')}`);
          },
          { path: '/account/:id', before: [signsIn] },
        );
        const answers = await inTurn(ask, ...asWho.map((sent) => ({ ...sent, path: '/account/7' })));
        expect(texts(answers)).toEqual(['page of alice', 'page of bob', 'page of carol']);
        expect(seen.runs).toBe(3);
        expect(await storedText(it_.clients)).not.toContain('page of');
        expect(warnings).toHaveLength(1);
        expect(warnings[0]?.message).toContain('/account/:id');
      },
    );

    it('a page is not stored where a middleware behind the cache reads req.user', async () => {
      const { ask } = await site((_req, res) => void res.send(`page of ${res.locals['who']}`), {
        before: [signsIn],
        inside: [setting_((req, res) => (res.locals['who'] = (req as any).user))],
      });
      expect(texts(await inTurn(ask, ...asWho))).toEqual(['page of alice', 'page of bob', 'page of carol']);
    });

    it('a page is not stored whose handler reads req.user when half of it is out', async () => {
      const { ask } = await site(
        async (req, res) => {
          res.type('text').write('page of ');
          await sleep(5);
          res.end((req as any).user);
        },
        { before: [signsIn] },
      );
      expect(texts(await inTurn(ask, ...asWho))).toEqual(['page of alice', 'page of bob', 'page of carol']);
    });

    it('a page is stored where only what comes before the cache reads who is asking', async () => {
      const warnings = warningsSeen('TURNPIKE_WARN_CACHE_PERSONAL');
      const before = [signsIn, ...READS.map(([, read]) => setting_(read))];
      const hit = await isStored(await site(counted, { before }));
      expect(hit.text).toBe('page 1');
      expect(warnings).toEqual([]);
    });
  });

  describe('methods', () => {
    const says: Handler = (req, res, run) => void res.type('text').send(`page ${run} by ${req.method}`);

    it.each(['POST', 'PUT', 'PATCH', 'DELETE'])(
      'a GET never gets the answer to a %s, nor the other way',
      async (method) => {
        const { ask } = await site(says);
        expect(texts(await inTurn(ask, { method }, {}, { method }, {}))).toEqual([
          `page 1 by ${method}`,
          'page 2 by GET',
          `page 3 by ${method}`,
          'page 4 by GET',
        ]);
        expect((await hitOf(ask, '/page')).text).toBe('page 4 by GET');
      },
    );

    it('a change drops the pages of its path with every query and in every spelling that routes alike', async () => {
      const { ask } = await site(says);
      const paths = ['/page', '/page?a=1', '/page/', '/PAGE', '/p%61ge', '/page/more'];
      for (const path of paths) await ask(path);
      await race(paths.length, (n) => hitOf(ask, paths[n]!));
      expect((await ask('/page?b=2', { method: 'POST' })).text).toBe('page 7 by POST');
      const after = await inTurn(ask, ...paths.map((path) => ({ path })));
      expect(texts(after)).toEqual([
        'page 8 by GET',
        'page 9 by GET',
        'page 10 by GET',
        'page 11 by GET',
        'page 12 by GET',
        'page 6 by GET',
      ]);
    });

    it.each([
      [201, 'dropped'],
      [303, 'dropped'],
      [404, 'kept'],
      [500, 'dropped'],
    ])('a page whose change is answered with %i is %s', async (status, what) => {
      const { ask } = await site(
        (req, res, run) => void res.status(req.method === 'GET' ? 200 : status).send(`page ${run}`),
      );
      await ask('/page');
      await hitOf(ask, '/page');
      await ask('/page', { method: 'PUT' });
      expect((await ask('/page')).text).toBe(what === 'kept' ? 'page 1' : 'page 3');
    });

    it('what was read before a change is not stored after it', async () => {
      const going = gate();
      const { ask, seen } = await site(async (req, res, run) => {
        if (run === 1) await going.opened;
        res.send(`page ${run} by ${req.method}`);
      });
      const first = ask('/page');
      await eventually(() => seen.runs === 1);
      await ask('/page', { method: 'POST' });
      going.open();
      expect((await first).text).toBe('page 1 by GET');
      expect((await ask('/page')).text).toBe('page 3 by GET');
      expect((await hitOf(ask, '/page')).text).toBe('page 3 by GET');
    });

    it('HEAD after GET has the length and no body, and runs nothing', async () => {
      const page = await site((_req, res, run) => void res.type('text').send(`page ${run} ü`));
      const hit = await isStored(page);
      const head = await page.ask('/page', { method: 'HEAD' });
      expect(head.header('Cache-Status')).toMatch(/; hit/);
      expect([head.status, head.header('Content-Length'), head.body.length]).toEqual([200, '9', 0]);
      for (const name of ['ETag', 'Content-Type']) expect(head.header(name)).toBe(hit.header(name));
      expect(page.seen.runs).toBe(1);
    });

    it('GET after HEAD is whole', async () => {
      const { ask } = await site(says);
      const [head, get] = (await inTurn(ask, { method: 'HEAD' }, {})) as [Answer, Answer];
      expect([head.status, head.header('Content-Length')]).toEqual([200, String('page 1 by HEAD'.length)]);
      expect(get.text).toBe('page 2 by GET');
      expect((await hitOf(ask, '/page')).text).toBe('page 2 by GET');
    });

    it('GET and HEAD at once each get what is theirs', async () => {
      const { ask, seen } = await site(async (_req, res) => {
        await eventually(() => seen.arrived === 20);
        res.type('text').send('whole page');
      });
      const answers = await race(20, (n) => ask('/page', { method: n % 2 === 0 ? 'GET' : 'HEAD' }));
      for (const [n, { text, header }] of answers.entries()) {
        expect([text, header('Content-Length')]).toEqual([n % 2 === 0 ? 'whole page' : '', '10']);
      }
    });

    it('a GET with a body is none of the cache’s', async () => {
      const { ask, seen } = await site(async (req, res) => {
        const body = (await req.toArray()).join('');
        res.type('text').send(`page for ${body}`);
      });
      const one = { body: 'one' };
      const chunked = { body: '5\r\nthree\r\n0\r\n\r\n', headers: { 'Transfer-Encoding': 'chunked' } };
      const answers = await inTurn(ask, one, { body: 'two' }, {}, one, chunked, {});
      expect(texts(answers)).toEqual([
        'page for one',
        'page for two',
        'page for ',
        'page for one',
        'page for three',
        'page for ',
      ]);
      expect(seen.runs).toBe(5);
      expect(answers[0]?.header('Cache-Status')).toMatch(/fwd=bypass/);
    });
  });

  describe('an answer that says it is not for all', () => {
    const NOT_FOR_ALL: [string, Record<string, string | string[]>][] = [
      ['private', { 'Cache-Control': 'private' }],
      ['no-store', { 'Cache-Control': 'no-store' }],
      ['no-cache', { 'Cache-Control': 'no-cache' }],
      ['private, with an age', { 'Cache-Control': 'max-age=600, private' }],
      ['PRIVATE', { 'Cache-Control': 'PRIVATE,Max-Age=600' }],
      ['private, on a second line', { 'Cache-Control': ['max-age=600', 'private'] }],
      ['private fields', { 'Cache-Control': 'private="X-Name", max-age=600' }],
      ['Pragma: no-cache', { Pragma: 'no-cache' }],
      ['Vary: *', { Vary: '*' }],
      ['Vary: * among others', { Vary: 'Accept-Language, *' }],
      ['Vary: Cookie', { Vary: 'Accept-Encoding, cookie' }],
      ['Vary: Authorization', { Vary: 'Authorization' }],
      ['Set-Cookie', { 'Set-Cookie': 'sid=1' }],
      ['max-age=0', { 'Cache-Control': 'max-age=0' }],
      ['s-maxage=0', { 'Cache-Control': 's-maxage=0, max-age=600' }],
      ['Expires, which is past', { Expires: new Date(Date.now() - 5000).toUTCString() }],
      ['Expires: 0', { Expires: '0' }],
      ['Expires, now', { Expires: new Date().toUTCString() }],
      ['an Age over its max-age', { 'Cache-Control': 'max-age=60', Age: '61' }],
    ];
    it('is not stored', async () => {
      await atOnce(NOT_FOR_ALL, async (path, _what, headers) => {
        const answers = await isNeverStored(await site(headed(headers)), { path });
        expect(texts(answers)).toEqual(['page 1', 'page 2', 'page 3']);
        for (const [name, value] of Object.entries(headers)) {
          expect(answers[0]?.header(name)).toBe([value].flat().join(', '));
        }
      });
    });

    it.each<[where: string, parts: (headers: Record<string, string | string[]>) => SiteParts]>([
      [
        'a middleware before the cache has said it',
        (headers) => ({ before: [setting_((_q, res) => res.set(headers))] }),
      ],
      [
        'it is said as the head leaves, behind the cache',
        (headers) => ({ inside: [late((res) => void res.set(headers))] }),
      ],
      [
        'it is said as the head leaves, before the cache',
        (headers) => ({ before: [late((res) => void res.set(headers))] }),
      ],
    ])('is not stored where %s', async (_where, parts) => {
      await atOnce(NOT_FOR_ALL, async (path, _what, headers) => {
        const answers = await isNeverStored(await site(counted, parts(headers)), { path });
        expect(texts(answers)).toEqual(['page 1', 'page 2', 'page 3']);
      });
    });

    it('each visitor of express-session gets a session of their own', async () => {
      const sessions = session({ secret: 'x', resave: false, saveUninitialized: true });
      const answers = await isNeverStored(await site(counted, { before: [sessions] }));
      const cookies = answers.map((answer) => answer.header('Set-Cookie'));
      for (const cookie of cookies) expect(cookie).toMatch(/^connect\.sid=/);
      expect(new Set(cookies).size).toBe(3);
    });

    it('a page in two languages is two pages', async () => {
      const { ask, seen } = await site((req, res) => {
        res
          .vary('Accept-Language')
          .type('text')
          .send(`page in ${req.acceptsLanguages('en', 'de')}`);
      });
      const speaking = (language: string): Sent => ({ headers: { 'Accept-Language': language } });
      const order = ['en', 'de', 'de', 'en', 'de'];
      expect(texts(await inTurn(ask, ...order.map(speaking)))).toEqual(order.map((language) => `page in ${language}`));
      for (const language of ['en', 'de']) {
        expect((await hitOf(ask, '/page', speaking(language))).text).toBe(`page in ${language}`);
      }
      expect(seen.runs).toBe(2);
    });

    it('a page in two languages is two pages also where a middleware before the cache has said so', async () => {
      const { ask } = await site((_req, res) => void res.send(`page in ${res.locals['language']}`), {
        before: [setting_((req, res) => (res.vary('Accept-Language').locals['language'] = req.get('Accept-Language')))],
      });
      const order = ['en', 'de', 'de', 'en'];
      const answers = await inTurn(ask, ...order.map((language) => ({ headers: { 'Accept-Language': language } })));
      expect(texts(answers)).toEqual(order.map((language) => `page in ${language}`));
    });

    it.each<[string, (vary: RequestHandler) => SiteParts]>([
      ['before', (vary) => ({ before: [vary] })],
      ['behind', (vary) => ({ inside: [vary] })],
    ])(
      'a page in two languages is two pages also where it is said as the head leaves, %s the cache',
      async (_where, parts) => {
        const vary = late((res) => void res.vary('Accept-Language'));
        const { ask } = await site((req, res) => void res.send(`page in ${req.get('Accept-Language')}`), parts(vary));
        const order = ['en', 'de', 'de', 'en'];
        const answers = await inTurn(ask, ...order.map((language) => ({ headers: { 'Accept-Language': language } })));
        expect(texts(answers)).toEqual(order.map((language) => `page in ${language}`));
      },
    );

    it('what is said of an answer before it comes (103) is not given again', async () => {
      const { ask } = await site((_req, res, run) => {
        res.writeEarlyHints({ link: '</a.css>; rel=preload' });
        res.send(`page ${run}`);
      });
      const first = await ask.open('/page');
      await first.closed;
      expect(first.text()).toMatch(/^HTTP\/1.1 103 [^]*HTTP\/1.1 200 [^]*page 1$/);
      const hit = await hitOf(ask, '/page');
      expect([hit.status, hit.text]).toEqual([200, 'page 1']);
    });

    it('Set-Cookie, Date and what belongs to a connection are not given again', async () => {
      const page = await site(
        headed({ 'X-Hop': 'once', Connection: 'close, X-Hop', 'RateLimit-Remaining': '3', 'Keep-Alive': 'x' }),
      );
      const hit = await isStored(page);
      for (const name of ['X-Hop', 'RateLimit-Remaining', 'Keep-Alive']) expect(hit.header(name)).toBeUndefined();
    });
  });

  describe('a status', () => {
    const PASSING = [201, 202, 206, 302, 303, 307, 400, 401, 403, 404, 405, 410, 429, 500, 502, 503];
    it(`is not stored: ${PASSING.join()}`, async () => {
      await atOnce(
        PASSING.map((status): [number] => [status]),
        async (path, status) => {
          const answers = await isNeverStored(await site(headed({ 'Cache-Control': 'max-age=600' }, status)), { path });
          expect(answers.map(({ status, text }) => [status, text])).toEqual(
            [1, 2, 3].map((run) => [status, `page ${run}`]),
          );
        },
      );
    });

    const LASTING = [200, 203, 204, 301, 308];
    it(`is stored, and is the same again: ${LASTING.join()}`, async () => {
      await atOnce(
        LASTING.map((status): [number] => [status]),
        async (path, status) => {
          const page = await site((_q, res, run) => void res.status(status).location(`/to/${run}`).send(`page ${run}`));
          const hit = await isStored(page, { path });
          const text = status === 204 ? '' : 'page 1';
          expect([hit.status, hit.header('Location'), hit.text]).toEqual([status, '/to/1', text]);
        },
      );
    });
  });

  describe('at once', () => {
    it('50 who ask for a cold page are one call of the handler, and get 50 equal answers', async () => {
      const { ask, seen } = await site(async (_req, res, run) => {
        await eventually(() => seen.arrived === 50);
        res.set('X-Run', String(run)).json({ run });
      });
      const answers = await race(50, () => ask('/page'));
      expect(seen.runs).toBe(1);
      for (const answer of answers) {
        expect([answer.status, answer.text, answer.header('X-Run')]).toEqual([200, '{"run":1}', '1']);
        expect(answer.header('Content-Type')).toBe('application/json; charset=utf-8');
        expect(answer.header('Cache-Status')).toMatch(/^turnpike; (hit; ttl=\d+|fwd=uri-miss(; collapsed)?)$/);
      }
    });

    it('50 who ask two processes are one call of the handler', async () => {
      const sites: Site[] = [];
      const handler: Handler = async (_req, res) => {
        await eventually(() => sites.reduce((sum, { seen }) => sum + seen.arrived, 0) === 50);
        res.type('text').send(`page ${Math.random()}`);
      };
      sites.push(await site(handler), await site(handler));
      const answers = await race(50, (n) => (sites[n % 2] as Site).ask('/page'));
      expect(sites.reduce((sum, { seen }) => sum + seen.runs, 0)).toBe(1);
      expect(same(answers)).toHaveLength(1);
    });

    const FAILURES: [string, Handler][] = [
      ['that the handler gives', (_req, res) => void res.status(500).json({ why: 'the database is gone' })],
      ['that an error handler gives', (_req, _res, _run, next) => next(new Error('the database is gone'))],
      [
        'without a word on its length',
        (_req, res) => void (res.status(500).write('the database '), res.end('is gone')),
      ],
    ];
    it.each(FAILURES)('50 who run into a 500 %s all get it with its body', async (_what, handler) => {
      const { ask, seen } = await site(
        async (req, res, run, next) => {
          if (run === 1) await eventually(() => seen.arrived === 50);
          return handler(req, res, run, next);
        },
        { failed: (error: Error, _req, res, _next) => void res.status(500).json({ why: error.message }) },
      );
      for (const { status, text } of await race(50, () => ask('/page'))) {
        expect(status).toBe(500);
        expect(text).toContain('the database is gone');
      }
    });

    it.each<[string, Record<string, string>]>([
      ['no-store', { 'Cache-Control': 'no-store' }],
      ['Set-Cookie', { 'Set-Cookie': 'a=1' }],
      ['Vary: *', { Vary: '*' }],
    ])('50 who ask for a page that cannot be stored (%s) do not queue, now or later', async (_what, headers) => {
      let running = 0;
      const { ask, seen } = await site(async (req, res, run, next) => {
        // The first does not know of the others. All others are in their handlers at one time, or none of them gets on.
        running += 1;
        await eventually(() => (run <= 1 ? seen.arrived === 50 : run <= 50 ? running === 50 : running === 100));
        return headed(headers)(req, res, run, next);
      });
      expect(new Set(texts(await race(50, () => ask('/page')))).size).toBe(50);
      expect(new Set(texts(await race(50, () => ask('/page')))).size).toBe(50);
      expect(seen.runs).toBe(100);
    });

    const bytes = randomBytes(300_000);
    const BODIES: [string, (res: Response) => void, Buffer][] = [
      ['a Buffer', (res) => void res.type('bin').send(bytes), bytes],
      ['a stream that is piped', (res) => void Readable.from(pieces(bytes)).pipe(res.type('bin')), bytes],
      ['a pipeline', (res) => void pipeline(Readable.from(pieces(bytes)), res.type('bin'), () => undefined), bytes],
      ['writes', (res) => void (res.type('bin').write(bytes.subarray(0, 7)), res.end(bytes.subarray(7))), bytes],
      [
        'a file',
        (res) => res.sendFile('app.ts', { root: import.meta.dirname, maxAge: '1m' }),
        readFileSync(new URL('app.ts', import.meta.url)),
      ],
      ['text in another encoding', (res) => void res.type('bin').end('6fef', 'hex'), Buffer.from('6fef', 'hex')],
      ['JSON', (res) => void res.json({ a: ['ü', '\u2028'] }), Buffer.from(JSON.stringify({ a: ['ü', '\u2028'] }))],
      ['nothing', (res) => void res.end(), Buffer.alloc(0)],
    ];
    it.each(BODIES)('20 who wait get the same bytes, which are %s', async (_what, answer, expected) => {
      const { ask, seen } = await site(async (_req, res) => {
        await eventually(() => seen.arrived === 20);
        answer(res);
      });
      const answers = await race(20, () => ask('/page'));
      answers.push(await hitOf(ask, '/page'));
      expect(seen.runs).toBe(1);
      for (const { status, body, header } of answers) {
        expect([status, body.equals(expected)]).toEqual([200, true]);
        expect(header('Content-Type')).toBe(answers[0]?.header('Content-Type'));
      }
    });

    it('a page that two caches are for, one outside of the other, is one call of the handler', async () => {
      const inner = zeroOptions(it_.clients) as RequestHandler;
      const { ask, seen } = await site(counted, { inside: [inner] });
      const startedAt = performance.now();
      expect((await ask('/page')).text).toBe('page 1');
      expect(performance.now() - startedAt).toBeLessThan(1000);
      expect((await hitOf(ask, '/page')).text).toBe('page 1');
      expect(seen.runs).toBe(1);
    });

    it('one who hangs up while waiting takes nothing from the others', async () => {
      const going = gate();
      const { ask, seen } = await site(async (_req, res, run) => {
        await going.opened;
        res.send(`page ${run}`);
      });
      const first = ask('/page');
      await eventually(() => seen.runs === 1);
      const second = await ask.open('/page');
      const third = ask('/page');
      await eventually(() => seen.arrived === 3);
      await sleep(20);
      second.hangUp();
      await sleep(20);
      going.open();
      expect([(await first).text, (await third).text, seen.runs]).toEqual(['page 1', 'page 1', 1]);
    });

    it('one who asks whether it is still what he has, and hangs up, takes nothing from the others', async () => {
      const going = gate();
      const { ask, seen } = await site(async (_req, res, run) => {
        await going.opened;
        res.set('ETag', '"v1"').send(`page ${run}`);
      });
      const first = await ask.open('/page', { headers: { 'If-None-Match': '"v0"' } });
      await eventually(() => expect(seen.runs).toBe(1));
      const second = ask('/page');
      await eventually(() => expect(seen.arrived).toBe(2));
      first.hangUp();
      await sleep(20);
      going.open();
      expect([(await second).text, seen.runs]).toEqual(['page 1', 1]);
    });
  });

  describe('a stream', () => {
    it('of events is nobody else’s, and comes at once to each', async () => {
      const going = gate();
      const { ask, seen } = await site(async (_req, res, run) => {
        res.set('Content-Type', 'text/event-stream').flushHeaders();
        res.write(`data: page ${run}\n\n`);
        await going.opened;
        res.end();
      });
      const first = await ask.open('/page');
      await first.until(/data: page 1/);
      const second = await ask.open('/page');
      await second.until(/data: page 2/);
      going.open();
      expect([(await first.answer()).text, (await second.answer()).text]).toEqual([
        'data: page 1\n\n',
        'data: page 2\n\n',
      ]);
      expect((await ask('/page')).text).toBe('data: page 3\n\n');
      expect(seen.runs).toBe(3);
      expect(await storedText(it_.clients)).not.toContain('data:');
    });

    it('of bytes comes to who began it as it is written', async () => {
      const going = gate();
      const { ask } = await site(async (_req, res, run) => {
        res.type('text').write(`page ${run}, `);
        await going.opened;
        res.end('whole');
      });
      const first = await ask.open('/page');
      await first.until(/page 1, /);
      going.open();
      expect((await first.answer()).text).toBe('page 1, whole');
      expect((await hitOf(ask, '/page')).text).toBe('page 1, whole');
    });

    it.each<[string, Record<string, string>]>([
      ['events', { 'Content-Type': 'text/event-stream' }],
      ['what is not to be stored', { 'Cache-Control': 'no-store' }],
    ])('of %s is told at once that its client has gone', async (_what, headers) => {
      const told: string[] = [];
      const { ask } = await site((req, res) => {
        res.once('close', () => told.push('res'));
        req.once('close', () => told.push('req'));
        res.set(headers).write('data: 1\n\n');
      });
      const first = await ask.open('/page');
      await first.until(/data: 1/);
      first.hangUp();
      await eventually(() => expect(told.toSorted()).toEqual(['req', 'res']), { withinMs: 400 });
    });

    it.each<[string, Handler]>([
      ['sent', counted],
      ['piped', (_req, res) => void Readable.from(['page ', '1']).pipe(res)],
    ])(
      'or an answer that is %s tells once that it has finished and closed, on a miss and on a hit',
      async (_what, handler) => {
        const told: string[] = [];
        const { ask, seen } = await site(handler, {
          before: [
            setting_((_req, res) => {
              for (const event of ['finish', 'close']) res.on(event, () => told.push(event));
            }),
          ],
        });
        await ask('/page');
        await hitOf(ask, '/page');
        await eventually(() => expect(told).toHaveLength(2 * seen.arrived));
        expect(told.filter((event) => event === 'finish')).toHaveLength(seen.arrived);
      },
    );

    const TRUNCATED: [string, (req: Request, res: Response) => unknown][] = [
      [
        'its socket is destroyed',
        (req, res) => void res.set('Content-Length', '100').write('half a page', () => req.socket.destroy()),
      ],
      ['the response is destroyed', (_req, res) => void res.write('half a page', () => res.destroy())],
      ['its source fails', (_req, res) => pipeline(failing(), res, () => undefined)],
      [
        'it ends before its length',
        (_req, res) => void (res.set('Content-Length', '100').write('half a page'), res.end()),
      ],
      [
        'its handler throws',
        async (_req, res) => {
          res.write('half a page');
          await sleep(5);
          throw new Error('halfway');
        },
      ],
    ];
    it('of which only a part came is not stored, and keeps nobody', async () => {
      await atOnce(TRUNCATED, async (path, _what, answer) => {
        const { ask, seen } = await site(async (req, res, run) => {
          if (run > 1) return void res.send(`whole page ${run}`);
          await eventually(() => seen.arrived === 5);
          return answer(req, res);
        });
        const answers = await Promise.allSettled(Array.from({ length: 5 }, () => ask(path)));
        const whole = answers.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
        expect(whole).toHaveLength(4);
        for (const { status, text } of whole) expect([status, text.replace(/\d+/, 'n')]).toEqual([200, 'whole page n']);
        expect((await ask(path)).text).toMatch(/^whole page/);
        expect(await storedText(it_.clients)).not.toContain('half a page');
      });
    });
  });

  describe('what the client has', () => {
    const page = (etag: string | undefined, more: Record<string, string> = {}): Handler => {
      const headers = etag === undefined ? more : { ETag: etag, ...more };
      return (_req, res) => void res.set(headers).type('text').send('0123456789');
    };
    const MODIFIED = 'Wed, 01 Jan 2025 00:00:00 GMT';

    const TAGS: [what: string, etag: string, given: string, status: number][] = [
      ['the strong one', '"v1"', '"v1"', 304],
      ['the weak form of a strong one', '"v1"', 'W/"v1"', 304],
      ['the weak one', 'W/"v1"', 'W/"v1"', 304],
      ['the strong form of a weak one', 'W/"v1"', '"v1"', 304],
      ['one of a list', '"v1"', '"v0", W/"v1","v2"', 304],
      ['one with a comma in it', '"a,b"', '"x", "a,b"', 304],
      ['any', '"v1"', '*', 304],
      ['another', '"v1"', '"v2"', 200],
      ['others', '"v1"', '"v0", W/"v2"', 200],
      ['one that begins alike', '"v1"', '"v11"', 200],
      ['one in other letters', '"v1"', '"V1"', 200],
      ['half of one with a comma in it', '"a,b"', '"a", "b"', 200],
    ];
    it('is told by If-None-Match', async () => {
      await atOnce(TAGS, async (path, _what, etag, given, status) => {
        const { ask, seen } = await site(page(etag));
        await ask(path);
        await hitOf(ask, path);
        const answer = await ask(path, { headers: { 'If-None-Match': given } });
        expect([answer.status, answer.text]).toEqual([status, status === 304 ? '' : '0123456789']);
        expect(answer.header('ETag')).toBe(etag);
        expect(answer.header('Cache-Status')).toMatch(/; hit/);
        if (status === 304) expect(answer.header('Content-Type')).toBeUndefined();
        expect(seen.runs).toBe(1);
      });
    });

    const DATES: [what: string, headers: Record<string, string>, status: number][] = [
      ['the same', { 'If-Modified-Since': MODIFIED }, 304],
      ['later', { 'If-Modified-Since': 'Thu, 02 Jan 2025 00:00:00 GMT' }, 304],
      ['earlier', { 'If-Modified-Since': 'Tue, 31 Dec 2024 23:59:59 GMT' }, 200],
      ['no date', { 'If-Modified-Since': 'yesterday' }, 200],
      ['the same, but the tag is another', { 'If-Modified-Since': MODIFIED, 'If-None-Match': '"v2"' }, 200],
      [
        'earlier, but the tag is the same',
        { 'If-Modified-Since': 'Tue, 31 Dec 2024 00:00:00 GMT', 'If-None-Match': '"v1"' },
        304,
      ],
    ];
    it('is told by If-Modified-Since', async () => {
      const { ask, seen } = await site(page('"v1"', { 'Last-Modified': MODIFIED }));
      await ask('/page');
      await hitOf(ask, '/page');
      await atOnce(DATES, async (_path, _what, headers, status) => {
        const answer = await ask('/page', { headers });
        expect([answer.status, answer.text]).toEqual([status, status === 304 ? '' : '0123456789']);
      });
      expect(seen.runs).toBe(1);
    });

    it('is told also of the tag that Express makes, and by HEAD', async () => {
      const { ask, seen } = await site((_req, res) => void res.json({ a: 1 }));
      await ask('/page');
      const hit = await hitOf(ask, '/page');
      const headers = { 'If-None-Match': String(hit.header('ETag')) };
      for (const method of ['GET', 'HEAD']) {
        const answer = await ask('/page', { method, headers });
        expect([answer.status, answer.header('ETag')]).toEqual([304, hit.header('ETag')]);
      }
      expect(seen.runs).toBe(1);
    });

    it('is how old the page is', async () => {
      const { ask } = await site(headed({ 'Cache-Control': 'max-age=600', Age: '30' }));
      await ask('/old');
      const age = Number((await hitOf(ask, '/old')).header('Age'));
      expect(age).toBeGreaterThanOrEqual(30);
      expect(age).toBeLessThan(35);
      const fresh = await site(counted);
      expect((await fresh.ask('/fresh')).header('Age')).toBeUndefined();
      expect((await hitOf(fresh.ask, '/fresh')).header('Age')).toMatch(/^[0-9]$/);
    });

    const RANGES: [what: string, headers: Record<string, string>, status: number, text: string, range?: string][] = [
      ['the beginning', { Range: 'bytes=0-3' }, 206, '0123', 'bytes 0-3/10'],
      ['one byte', { Range: 'bytes=9-9' }, 206, '9', 'bytes 9-9/10'],
      ['an end', { Range: 'bytes=-4' }, 206, '6789', 'bytes 6-9/10'],
      ['an end longer than the page', { Range: 'bytes=-40' }, 206, '0123456789', 'bytes 0-9/10'],
      ['from there on', { Range: 'bytes=5-' }, 206, '56789', 'bytes 5-9/10'],
      ['further than there is', { Range: 'bytes=8-20' }, 206, '89', 'bytes 8-9/10'],
      ['beyond the end', { Range: 'bytes=10-' }, 416, '', 'bytes */10'],
      ['an end of nothing', { Range: 'bytes=-0' }, 416, '', 'bytes */10'],
      ['several', { Range: 'bytes=0-1,4-5' }, 200, '0123456789'],
      ['backwards', { Range: 'bytes=5-2' }, 200, '0123456789'],
      ['nonsense', { Range: 'bytes=a-b' }, 200, '0123456789'],
      ['another unit', { Range: 'items=0-3' }, 200, '0123456789'],
      ['of this very page', { Range: 'bytes=0-3', 'If-Range': '"v1"' }, 206, '0123', 'bytes 0-3/10'],
      ['of another page', { Range: 'bytes=0-3', 'If-Range': '"v2"' }, 200, '0123456789'],
      ['of a page like this', { Range: 'bytes=0-3', 'If-Range': 'W/"v1"' }, 200, '0123456789'],
      [
        'of a page of another time',
        { Range: 'bytes=0-3', 'If-Range': 'Tue, 31 Dec 2024 00:00:00 GMT' },
        200,
        '0123456789',
      ],
      ['of a page the client has', { Range: 'bytes=0-3', 'If-None-Match': '"v1"' }, 304, ''],
    ];
    it('is a range', async () => {
      const { ask, seen } = await site(page('"v1"', { 'Last-Modified': MODIFIED }));
      await ask('/page');
      await hitOf(ask, '/page');
      await atOnce<(typeof RANGES)[number]>(RANGES, async (_path, _what, headers, status, text, range) => {
        const answer = await ask('/page', { headers });
        expect([answer.status, answer.header('Content-Range')]).toEqual([status, range]);
        if (status !== 416) expect(answer.text).toBe(text);
        expect((await ask('/page')).text).toBe('0123456789');
      });
      expect(seen.runs).toBe(1);
    });

    it('is told in frames that fit: answers of all kinds, over one connection', async () => {
      const { ask, seen } = await site(page('"v1"'));
      await ask('/page');
      await hitOf(ask, '/page');
      const requests: Sent[] = [
        {},
        { method: 'HEAD' },
        { headers: { 'If-None-Match': '"v1"' } },
        {},
        { headers: { Range: 'bytes=2-3' } },
        { headers: { Range: 'bytes=10-' } },
        { method: 'HEAD', headers: { 'If-None-Match': '"v1"' } },
        {},
      ];
      const answers = await ask.inTurn('/page', ...requests);
      expect(answers.map(({ status, text }) => [status, text])).toEqual([
        [200, '0123456789'],
        [200, ''],
        [304, ''],
        [200, '0123456789'],
        [206, '23'],
        [416, ''],
        [304, ''],
        [200, '0123456789'],
      ]);
      expect(seen.runs).toBe(1);
    });

    it('a range of a page whose tag is weak may not be asked for by it', async () => {
      const { ask } = await site(page('W/"v1"'));
      await ask('/page');
      await hitOf(ask, '/page');
      const answer = await ask('/page', { headers: { Range: 'bytes=0-3', 'If-Range': 'W/"v1"' } });
      expect([answer.status, answer.text]).toEqual([200, '0123456789']);
    });

    it('a range by HEAD is the head of the whole', async () => {
      const { ask } = await site(page('"v1"'));
      await ask('/page');
      await hitOf(ask, '/page');
      const answer = await ask('/page', { method: 'HEAD', headers: { Range: 'bytes=0-3' } });
      expect([answer.status, answer.header('Content-Length')]).toEqual([200, '10']);
    });

    const BEGINNERS: [string, Record<string, string>][] = [
      ['If-None-Match', { 'If-None-Match': '"v1"' }],
      ['If-None-Match: *', { 'If-None-Match': '*' }],
      ['If-Modified-Since', { 'If-Modified-Since': MODIFIED }],
      ['Range', { Range: 'bytes=0-3' }],
      ['If-Range', { Range: 'bytes=0-3', 'If-Range': '"v1"' }],
    ];
    const MAKERS: [string, Handler][] = [
      ['text', page('"v1"', { 'Last-Modified': MODIFIED })],
      [
        'a file',
        (_req, res) => res.sendFile('app.ts', { root: import.meta.dirname, maxAge: '1m', headers: { ETag: '"v1"' } }),
      ],
    ];
    it.each(MAKERS)('of %s is not what the next gets, whatever the first had', async (_what, handler) => {
      const bare = await serve(appOf(express).get('/page', (req, res, next) => void handler(req, res, 1, next)));
      const whole = await bare('/page');
      await atOnce(BEGINNERS, async (path, _name, headers) => {
        const handed: string[] = [];
        const { ask, seen } = await site((req, res, run, next) => {
          handed.push(...Object.keys(req.headers), ...(req.fresh ? ['fresh'] : []));
          return handler(req, res, run, next);
        });
        const first = await ask(path, { headers });
        const own = { 200: whole.body, 206: whole.body.subarray(0, 4), 304: Buffer.alloc(0) };
        expect(first.body).toEqual(own[first.status as keyof typeof own]);
        for (const answer of [await ask(path), await hitOf(ask, path)]) {
          expect([answer.status, answer.body.equals(whole.body)]).toEqual([200, true]);
        }
        expect(seen.runs).toBe(1);
        for (const name of ['if-none-match', 'if-modified-since', 'range', 'if-range', 'fresh']) {
          expect(handed).not.toContain(name);
        }
      });
    });

    it('matters to the handler where the cache has no part in it', async () => {
      const { ask } = await site((_req, res) => res.sendFile('app.ts', { root: import.meta.dirname }));
      const answer = await ask('/page', { headers: { Authorization: 'x', Range: 'bytes=0-3' } });
      expect([answer.status, answer.body.length]).toEqual([206, 4]);
    });

    it('20 at once, some with a range and some with a tag, each get what they asked for', async () => {
      const { ask, seen } = await site(async (req, res, run, next) => {
        await eventually(() => seen.arrived === 20);
        return page('"v1"')(req, res, run, next);
      });
      const kinds: [Record<string, string>, number, string][] = [
        [{}, 200, '0123456789'],
        [{ Range: 'bytes=0-3' }, 206, '0123'],
        [{ 'If-None-Match': '"v1"' }, 304, ''],
        [{ 'If-None-Match': '"v2"' }, 200, '0123456789'],
      ];
      const answers = await race(20, (n) => ask('/page', { headers: kinds[n % 4]?.[0] ?? {} }));
      for (const [n, { status, text }] of answers.entries()) {
        const [, expectedStatus, expectedText] = kinds[n % 4] ?? [];
        expect([status, text]).toEqual([expectedStatus, expectedText]);
      }
      expect(seen.runs).toBe(1);
    });

    it('is what a client wishes about caches: it can neither force work nor keep others from a page', async () => {
      const { ask, seen } = await site(counted);
      await ask('/page', { headers: { 'Cache-Control': 'no-store' } });
      expect((await ask('/page')).text).toBe('page 2');
      for (const wish of ['no-cache', 'max-age=0', 'no-store', 'only-if-cached']) {
        const { text } = await hitOf(ask, '/page', { headers: { 'Cache-Control': wish, Pragma: 'no-cache' } });
        expect(text).toBe('page 2');
      }
      expect(seen.runs).toBe(2);
    });
  });

  describe('where it was asked', () => {
    /** What a page may be made of, all of it. */
    const echo: Handler = ({ originalUrl, url, baseUrl, path, query, params, protocol, hostname, headers }, res) => {
      res.json({ originalUrl, url, baseUrl, path, query, params, protocol, hostname, host: headers.host });
    };
    type Twins = readonly [cached: Ask, bare: Ask];
    /** One server with the cache and one without: whatever is asked, both give the same. */
    const twins = async (parts: SiteParts = {}): Promise<Twins> => {
      const bare = appOf(express, parts.set ?? {});
      bare.all(parts.path ?? /.*/, (req, res, next) => void echo(req, res, 1, next));
      return [(await site(echo, parts)).ask, await serve(bare)];
    };
    const queryOf = (answer: Answer): unknown => (answer.status === 200 ? answer.json().query : answer.status);
    const seenBy = (answer: Answer): unknown => (answer.status === 200 ? answer.json() : answer.status);
    /** Asks for each and each again, so that every one could get the page of every other. */
    const expectSame = async ([cached, bare]: Twins, requests: readonly (Sent & { path: string })[]): Promise<void> => {
      for (const all of [requests, requests, requests.toReversed()]) {
        await race(all.length, async (n) => {
          const { path, ...sent } = all[n]!;
          const [got, expected] = await Promise.all([cached(path, sent), bare(path, sent)]);
          expect({ asked: path, got: seenBy(got) }).toEqual({ asked: path, got: seenBy(expected) });
        });
      }
    };

    it.each<[string, string | RegExp]>([
      ['a route with a name', '/products/:id'],
      ['a route for all', /.*/],
    ])(
      'a letter’s case and a slash at the end tell pages apart that say where they are, on %s',
      async (_what, path) => {
        const paths = ['/Products/1/', '/products/1', '/PRODUCTS/1', '/products/1/', '/products/1//', '/products/%31'];
        await expectSame(
          await twins({ path }),
          paths.map((path) => ({ path })),
        );
      },
    );

    it.each([
      ['a route for all', /^\/(.*)$/],
      ['a route of two parts', /^\/([^/]*)\/(.*)$/],
    ])('encodings of all kinds lead nobody to the page of another, on %s', async (_what, path) => {
      const paths = [
        '/files/a/b',
        '/files/a%2Fb',
        '/files/a%2fb',
        '/files/a%252Fb',
        '/files/a//b',
        '//files/a/b',
        '///files/a/b',
        '/files//a/b',
        '/files/./a/b',
        '/files/x/../a/b',
        '/files/%2e/a/b',
        '/files/%2e%2e/a/b',
        '/files/%2E%2E/a/b',
        '/files/%C3%BC',
        '/files/%c3%bc',
        '/files/ü',
        '/files/u%CC%88',
        '/files/%FC',
        '/files/a%00b',
        '/files/a%20b',
        '/files/a+b',
        '/files/a%3Fb=1',
        '/files/a?b=1',
        '/files/a%23b',
        '/files/a#b',
        '/files/a;b=1',
        '/files/a%3Bb=1',
        '/files/a\\b',
        '/files/a%5Cb',
        '/files/a|b',
        '/files/a"b',
        '/files/%zz',
        '/files/%',
        '/files/a:b',
        '/files/{a}',
        '/files/*',
        '/files/a%0d%0ab',
        '/FILES/a/b',
        '/files/a/b/',
      ];
      await expectSame(
        await twins({ path }),
        paths.map((path) => ({ path })),
      );
    });

    it('a target that is no path is none of the cache’s', async () => {
      const { ask, seen } = await site(echo);
      for (const target of ['http://test/page', 'http://evil/page', 'http://test/page']) {
        const { status, json } = await ask(target);
        expect([status, json().originalUrl]).toEqual([200, target]);
      }
      expect(seen.runs).toBe(3);
      expect((await ask('/page')).json().originalUrl).toBe('/page');
    });

    it('the order of names in a query does not matter, and that of equal names does', async () => {
      const { ask, seen } = await site((req, res) => void res.json(req.query));
      await ask('/page?a=1&b=2');
      expect((await hitOf(ask, '/page?b=2&a=1')).json()).toEqual({ a: '1', b: '2' });
      expect(seen.runs).toBe(1);
      expect((await ask('/page?a=1&a=2')).json()).toEqual({ a: ['1', '2'] });
      expect((await ask('/page?a=2&a=1')).json()).toEqual({ a: ['2', '1'] });
      expect(seen.runs).toBe(3);
    });

    const PARSERS: [string][] = [['simple'], ['extended']];
    const QUERIES = [
      'a=1&a=2',
      'a=2&a=1',
      'a=1&a[]=2',
      'a[]=2&a=1',
      'a=1&a%5B%5D=2',
      'a%5B%5D=2&a=1',
      'a=1&%61=2',
      '%61=2&a=1',
      'a[b]=1&a=2',
      'a=2&a[b]=1',
      'a[b]=1&a[c]=2',
      'a[c]=2&a[b]=1',
      '[a]=1&a=2',
      'a=2&[a]=1',
      '[]=1&0=2',
      '0=2&[]=1',
      '[]a=1&[]=2',
      '[]=2&[]a=1',
      '.=1&.[a=2',
      '.[a=2&.=1',
      '[a]b=1&a=2',
      'a=2&[a]b=1',
      '%61%=1&a%=2',
      'a%=2&%61%=1',
      '%zz%5B%5D=1&%zz=2',
      '%zz=2&%zz%5B%5D=1',
      'a=1&b=2&a=3',
      'a=3&b=2&a=1',
      'a=1%26b=2',
      'a=1&b=2',
      'a',
      'a=',
      '=a',
      '',
      '&',
      'a+b=1',
      'a%20b=1',
      'a%2Bb=1',
      'A=1',
      'a=1',
      'a=1#b',
      'a=1?b=2',
      'a=%',
      'a=%FC',
      'a=ü',
      'a=1;b=2',
      '__proto__=1',
      'a[__proto__]=1',
      'utf8=%E2%9C%93&a=1',
    ];
    it.each(PARSERS)('queries of all kinds lead nobody to the page of another, with the %s parser', async (parser) => {
      const [cached, bare] = await twins({ set: { 'query parser': parser } });
      const wrong = new Map<string, unknown>();
      for (const all of [QUERIES, QUERIES, QUERIES.toReversed()]) {
        await race(all.length, async (n) => {
          const path = `/page?${all[n]}`;
          const [got, expected] = await Promise.all([cached(path), bare(path)]);
          if (!isDeepStrictEqual(queryOf(got), queryOf(expected))) wrong.set(path, queryOf(got));
        });
      }
      expect(Object.fromEntries(wrong)).toEqual({});
    });

    it.each(PARSERS)('no order of any query leads to the page of another, with the %s parser', async (parser) => {
      const [cached, bare] = await twins({ set: { 'query parser': parser } });
      const name = fc
        .array(fc.constantFrom('a', 'b', '0', '1', '[', ']', '[]', '[a]', '%5B', '%5D', '%61', '+', '%20', '.', '%'), {
          maxLength: 3,
        })
        .map((parts) => parts.join(''));
      const pair = fc.tuple(name, fc.constantFrom('', '=', '=1', '=2', '==', '=%')).map((parts) => parts.join(''));
      const two = fc
        .array(pair, { minLength: 2, maxLength: 4 })
        .chain((pairs) => fc.tuple(fc.constant(pairs), fc.shuffledSubarray(pairs, { minLength: pairs.length })));
      const asked = async (path: string): Promise<void> => {
        const [got, expected] = await Promise.all([cached(path), bare(path)]);
        expect(queryOf(got)).toEqual(queryOf(expected));
      };
      let count = 0;
      await fc.assert(
        fc.asyncProperty(two, async ([one, other]) => {
          count += 1;
          for (const pairs of [one, other]) await asked(`/${count}?${pairs.join('&')}`);
        }),
        { numRuns: scale({ quick: 60, full: 5000 }) },
      );
    });

    it('a query of more parts than are parsed leads nobody to the page of another', async () => {
      const { ask } = await site((req, res) => {
        const { a, z } = req.query;
        res.json({ a, z });
      });
      const filling = Array.from({ length: 1000 }, (_, n) => `n${n}=`).join('&');
      const [first, second] = await inTurn(
        ask,
        { path: `/page?a=1&${filling}&z=1` },
        { path: `/page?z=1&${filling}&a=1` },
      );
      expect([first?.json(), second?.json()]).toEqual([{ a: '1' }, { z: '1' }]);
    });

    const POISONS: [string, string][] = [
      ['X-Forwarded-Host', 'evil.test'],
      ['X-Forwarded-Proto', 'evil'],
      ['X-Forwarded-Port', '666'],
      ['X-Forwarded-Prefix', '/evil'],
      ['X-Forwarded-Server', 'evil.test'],
      ['X-Original-URL', '/evil'],
      ['X-Rewrite-URL', '/evil'],
      ['Forwarded', 'host=evil.test'],
    ];
    it.each([false, true])('a poisoned header reaches nobody else, where proxies are trusted: %s', async (trust) => {
      await atOnce(POISONS, async (path, name, value) => {
        const { ask } = await site(
          (req, res) => {
            res.type('text').send(`page at ${req.protocol}://${req.hostname} ${req.get(name) ?? 'plain'}`);
          },
          { set: { 'trust proxy': trust } },
        );
        const poisoned = { path, headers: { [name]: value } };
        const answers = await inTurn(ask, poisoned, poisoned, { path }, poisoned, { path });
        expect(answers[0]?.text).toContain(value);
        for (const n of [2, 4]) expect(answers[n]?.text).toBe('page at http://test plain');
      });
    });

    it('a page of one host is not given at another', async () => {
      const hosts = [
        'test',
        'other',
        'test:80',
        'evil/path',
        'a,b',
        'evil@test',
        'test#',
        'test?',
        'test\\',
        '[::1]',
        '',
      ];
      const requests = hosts.map((Host) => ({ path: '/page', headers: { Host } }));
      const none = { path: '/page', headers: { Host: undefined }, version: '1.0' as const };
      await expectSame(await twins(), [...requests, none]);
    });

    it('a page of a host that is none is not stored', async () => {
      await atOnce([['evil/path'], ['a,b'], ['evil@test'], ['test?'], [''], [undefined]], async (path, Host) => {
        await isNeverStored(await site(counted), { path, headers: { Host }, version: '1.0' });
      });
    });

    it('the same route behind two mounts is two pages', async () => {
      const cached = zeroOptions(it_.clients) as RequestHandler;
      const app = appOf(express);
      for (const mount of ['/v1', '/v2']) {
        app.use(
          mount,
          express.Router().get('/list', cached, (req, res) => void res.send(`page at ${req.baseUrl}${req.url}`)),
        );
      }
      const ask = await serve(app);
      const paths = ['/v1/list', '/v2/list', '/v1/list', '/v2/list'];
      expect(texts(await inTurn(ask, ...paths.map((path) => ({ path }))))).toEqual(
        paths.map((path) => `page at ${path}`),
      );
    });

    it('two paths that are rewritten to one are two pages', async () => {
      const rewrite = setting_((req) => (req.url = '/index.html'));
      const { ask } = await site((req, res) => void res.send(`page for ${req.originalUrl}`), { before: [rewrite] });
      const paths = ['/a', '/b', '/a', '/b'];
      expect(texts(await inTurn(ask, ...paths.map((path) => ({ path }))))).toEqual(
        paths.map((path) => `page for ${path}`),
      );
    });
  });

  it('a crowd of all kinds, at two processes at once, each get what they asked for', async () => {
    const PAGES: Record<string, Handler> = {
      public: (_req, res) => void res.type('text').send('a page for all'),
      language: (req, res) => void res.vary('Accept-Language').send(`in ${req.get('Accept-Language')}`),
      own: (_req, res) => void res.set('Cache-Control', 'private').send(`for ${res.locals['nonce']}`),
      cookie: (_req, res) => void res.cookie('n', res.locals['nonce']).send(`for ${res.locals['nonce']}`),
      failing: (_req, res) => void res.status(500).send(`failed for ${res.locals['nonce']}`),
      stream: (_req, res) => void Readable.from(pieces(STREAMED)).pipe(res.type('bin')),
      who: (_req, res) => void res.type('text').send(`page of ${res.locals['who']}`),
    };
    const STREAMED = Buffer.alloc(50_000, 'streamed');
    const knows = setting_((req, res) => {
      Object.assign(res.locals, { nonce: req.get('X-Nonce'), who: /\w+$/.exec(req.headers.cookie ?? 'nobody')?.[0] });
    });
    const handler: Handler = async (req, res, run, next) => {
      await sleep(run % 7);
      if (req.method === 'POST') return res.send('changed');
      return PAGES[req.path.slice(1)]?.(req, res, run, next);
    };
    const sites = [await site(handler, { before: [knows] }), await site(handler, { before: [knows] })];
    const names = Object.keys(PAGES);
    const pick = <T>(all: readonly T[]): T => all[Math.floor(Math.random() * all.length)] as T;
    let nonce = 0;

    const visits = async (): Promise<void> => {
      const own = String((nonce += 1));
      const name = pick(names);
      const who = pick(['nobody', 'nobody', 'alice', 'bob']);
      const language = pick(['en', 'de', 'fr']);
      const kind = pick(['plain', 'plain', 'plain', 'HEAD', 'Range', 'If-None-Match', 'POST', 'gone']);
      const headers = {
        'X-Nonce': own,
        'Accept-Language': language,
        ...(who !== 'nobody' && { Cookie: `sid=${who}` }),
        ...(kind === 'Range' && { Range: 'bytes=0-3' }),
        ...(kind === 'If-None-Match' && { 'If-None-Match': '"another"' }),
      };
      const { ask } = pick(sites);
      const method = kind === 'HEAD' || kind === 'POST' ? kind : 'GET';
      if (kind === 'gone') {
        const wire = await ask.open(`/${name}`, { headers });
        await sleep(Math.random() * 10);
        return wire.hangUp();
      }
      const answer = await ask(`/${name}`, { method, headers });
      const whole = {
        public: 'a page for all',
        language: `in ${language}`,
        own: `for ${own}`,
        cookie: `for ${own}`,
        failing: `failed for ${own}`,
        stream: STREAMED.toString(),
        who: `page of ${who}`,
      }[name];
      const isPart = answer.status === 206;
      const expected = kind === 'POST' ? 'changed' : kind === 'HEAD' ? '' : isPart ? whole?.slice(0, 4) : whole;
      expect({ name, kind, who, text: answer.text }).toEqual({ name, kind, who, text: expected });
      if (isPart) expect(kind).toBe('Range');
      else expect(answer.status).toBe(name === 'failing' && kind !== 'POST' ? 500 : 200);
      expect(answer.header('Set-Cookie')).toBe(name === 'cookie' && kind !== 'POST' ? `n=${own}; Path=/` : undefined);
    };
    await race(30, async () => {
      for (let n = 0; n < scale({ quick: 10, full: 500 }); n += 1) await visits();
    });
    const runs = sites.reduce((sum, { seen }) => sum + seen.runs, 0);
    const arrived = sites.reduce((sum, { seen }) => sum + seen.arrived, 0);
    expect(runs).toBeLessThan(arrived);
  });
});

describe.each(EXPRESSES.slice(-1))('what takes long, and no Express has a part in, on %s', (_version, express) => {
  const site = (handler: Handler, parts?: SiteParts): Promise<Site> =>
    siteOf(express, zeroOptions(it_.clients), handler, parts);

  describe('who changes something, or comes anew', () => {
    it('a page is gone before the one who changed it has the end of the answer', async () => {
      const { ask } = await site((req, res, run) => {
        if (req.method === 'GET') return void res.send(`page ${run}`);
        res.set('Content-Length', '7').write('changed');
        res.end();
      });
      for (let n = 0; n < 20; n += 1) {
        await ask('/page');
        const { text } = await hitOf(ask, '/page');
        expect((await ask('/page', { method: 'POST' })).text).toBe('changed');
        expect((await ask('/page')).text).not.toBe(text);
      }
    });

    it('20 new visitors of express-session at once get 20 sessions', async () => {
      const sessions = session({ secret: 'x', resave: false, saveUninitialized: true });
      const { ask, seen } = await site(counted, { before: [sessions] });
      const answers = await race(20, () => ask('/page'));
      expect(new Set(answers.map((answer) => answer.header('Set-Cookie'))).size).toBe(20);
      expect(new Set(texts(answers)).size).toBe(20);
      expect(seen.runs).toBe(20);
    });

    it('no cookie that was set for one is given to another, by whomever and however late it was set', async () => {
      let count = 0;
      const baker = late((res) => void res.append('Set-Cookie', `n=${(count += 1)}`));
      for (const parts of [{ before: [baker] }, { inside: [baker] }]) {
        const answers = await isNeverStored(await site(counted, parts));
        expect(new Set(answers.map((answer) => answer.header('Set-Cookie'))).size).toBe(3);
      }
    });
  });

  describe('a status', () => {
    it('of an error does not stay when the error has gone', async () => {
      const { ask, seen } = await site((_req, res, run) => {
        if (run === 1) throw new Error('the database is gone');
        res.send(`page ${run}`);
      });
      const [first, second] = (await inTurn(ask, {}, {})) as [Answer, Answer];
      expect([first.status, second.status, second.text]).toEqual([500, 200, 'page 2']);
      // That it failed is remembered for some time, in which nobody waits for another, and nothing is stored.
      expect((await hitOf(ask, '/page')).text).toBe(`page ${seen.runs}`);
    });
  });

  describe('at once', () => {
    const page = ['the first half, ', 'and the second half'];
    const halves = (going: Promise<void>): Readable =>
      Readable.from(
        (async function* () {
          yield page[0];
          await going;
          yield page[1];
        })(),
      );
    const SLOW: [string, boolean, (res: Response, going: Promise<void>) => unknown][] = [
      ['a handler that waits', false, async (res, going) => (await going, res.json(page.join('')))],
      ['a stream that is piped', true, (res, going) => halves(going).pipe(res)],
      ['a pipeline', true, (res, going) => pipeline(halves(going), res, () => undefined)],
      ['writes', true, async (res, going) => (res.write(page[0]), await going, res.end(page[1]))],
    ];
    it.each(SLOW)(
      'those who wait for %s get it whole, though who began it has hung up',
      async (_what, streams, answer) => {
        const going = gate();
        const { ask, seen } = await site((_req, res) => answer(res, going.opened));
        const first = await ask.open('/page');
        await (streams ? first.until(/the first half/) : eventually(() => seen.runs === 1));
        const waiting = race(5, () => ask('/page'));
        await eventually(() => seen.arrived === 6);
        await sleep(50);
        first.hangUp();
        await sleep(20);
        going.open();
        for (const { status, text } of await waiting) {
          expect(status).toBe(200);
          expect(text.replaceAll('"', '')).toBe(page.join(''));
        }
        expect(seen.runs).toBe(1);
        expect((await hitOf(ask, '/page')).text.replaceAll('"', '')).toBe(page.join(''));
      },
    );

    it('one who reads nothing holds up nobody who waits for the same page', async () => {
      const large = Buffer.alloc(20_000_000, 'a large page. ');
      const { ask, seen } = await siteOf(
        express,
        zeroOptions(it_.clients, { maxBytes: 30_000_000 }),
        (_req, res) => void Readable.from(pieces(large)).pipe(res),
      );
      const first = await ask.open('/page');
      first.stopReading();
      await eventually(() => seen.runs === 1);
      expect((await ask('/page')).body.equals(large)).toBe(true);
      expect(seen.runs).toBe(1);
    });

    it('a handler that never answers keeps the others no longer than loadTimeoutMs', async () => {
      const { ask, seen } = await siteOf(
        express,
        zeroOptions(it_.clients, { loadTimeoutMs: 200 }),
        (_req, res, run) => {
          if (run > 1) res.send(`page ${run}`);
        },
      );
      const never = await ask.open('/page');
      await eventually(() => seen.runs === 1);
      const startedAt = performance.now();
      for (const { status, text } of await race(5, () => ask('/page'))) {
        expect([status, text]).toEqual([200, expect.stringMatching(/^page [2-6]$/)]);
      }
      expect(performance.now() - startedAt).toBeLessThan(2 * 1200 + 500);
      never.hangUp();
    });
  });

  describe('a stream', () => {
    it('over the cap comes whole to all, and is not stored', async () => {
      const large = Buffer.alloc(2_000_000, 'a large page. ');
      const { ask, seen } = await site((_req, res, run) => {
        res.set('X-Run', String(run));
        Readable.from(pieces(large)).pipe(res);
      });
      for (const { body } of await race(5, () => ask('/page'))) expect(body.equals(large)).toBe(true);
      const { runs } = seen;
      for (let n = 1; n <= 2; n += 1) {
        const answer = await ask('/page');
        expect([answer.body.equals(large), answer.header('X-Run')]).toEqual([true, String(runs + n)]);
      }
      expect(await storedText(it_.clients)).not.toContain('a large page');
    });

    it('or a page whose handler says nothing more since its client has gone is told so at last', async () => {
      const BEGUN: [string, Handler][] = [
        ['has said half of it', (_req, res) => void res.write('half a page')],
        ['has said nothing yet', () => undefined],
      ];
      await atOnce(BEGUN, async (path, _what, begin) => {
        const told: number[] = [];
        const cached = zeroOptions(it_.clients, { loadTimeoutMs: 300 });
        const { ask, seen } = await siteOf(express, cached, (req, res, run, next) => {
          res.once('close', () => told.push(run));
          return run === 1 ? begin(req, res, run, next) : res.send(`page ${run}`);
        });
        const first = await ask.open(path);
        await eventually(() => seen.runs === 1);
        await sleep(20);
        first.hangUp();
        await eventually(() => expect(told).toEqual([1]), { withinMs: 3000 });
        expect((await hitOf(ask, path)).text).toMatch(/^page \d+$/);
      });
    });
  });
});

function* pieces(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += 10_000) yield bytes.subarray(at, at + 10_000);
}

/** A source that fails halfway. */
const failing = (): Readable =>
  Readable.from(
    (async function* () {
      yield 'half a page';
      await sleep(5);
      throw new Error('halfway');
    })(),
  );
