import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '@turnpike/test-kit';
import { setting } from '@turnpike/test-kit/vitest';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type PageOptions, cacheResponse } from '../../src/express/index.ts';
import { createCache } from '../../src/index.ts';
import { l1 } from '../../src/l1/index.ts';
import { rfc9111 } from '../../src/rfc9111/index.ts';
import {
  EXPRESSES,
  type Handler,
  type Sent,
  type Site,
  hitOf,
  siteOf,
  storedText,
  zeroOptions,
} from '../express/app.ts';
import { type Headers, saying, sharedCache } from './app.ts';

const it_ = setting();

const FRESH = { 'Cache-Control': 'max-age=60' };
const SIGNED_IN: Sent = { headers: { Authorization: 'Bearer alice' } };

describe.each(EXPRESSES)('a shared cache stores, on %s', (_version, express) => {
  const site = (handler: Handler): Promise<Site> => siteOf(express, sharedCache(it_.clients), handler);

  it.each<[what: string, headers: Headers, status: number]>([
    ['what is fresh for a time', FRESH, 200],
    ['what expires', { Expires: 'Fri, 01 Jan 2100 00:00:00 GMT' }, 200],
    ['what has not changed for long (§4.2.2)', { 'Last-Modified': 'Wed, 01 Jan 2020 00:00:00 GMT' }, 200],
    ['what has not been there for long', { 'Last-Modified': 'Wed, 01 Jan 2020 00:00:00 GMT' }, 404],
    ['an error that is fresh for a time', FRESH, 503],
    ['a redirection that is fresh for a time', { ...FRESH, Location: '/other' }, 302],
    [
      'what is understood, and not to be stored otherwise (§5.2.2.3)',
      { 'Cache-Control': 'max-age=60, no-store, must-understand' },
      200,
    ],
    [
      'what is meant for it, whatever others are told (RFC 9213)',
      { 'Cache-Control': 'no-store', 'CDN-Cache-Control': 'max-age=60' },
      200,
    ],
    ['a cookie that is everybody’s', { ...FRESH, 'Set-Cookie': 'a=b' }, 200],
  ])('%s', async (_what, headers, status) => {
    const { ask, seen } = await site(saying(headers, status));
    const first = await ask('/page');
    expect(first.header('Cache-Status')).toBe(`turnpike; fwd=uri-miss; fwd-status=${status}; stored`);
    const hit = await hitOf(ask, '/page');
    expect([hit.status, hit.text, seen.runs]).toEqual([status, 'run 1', 1]);
    for (const name of Object.keys(headers)) expect(hit.header(name)).toBe(headers[name]);
    expect(Number(hit.header('Age'))).toBeLessThan(5);
  });

  it.each<[what: string, headers: Headers, why: string, sent?: Sent]>([
    ['what says nothing, and names no version', {}, 'expired'],
    ['what is private', { 'Cache-Control': 'private, max-age=60' }, 'private'],
    ['what forbids it', { 'Cache-Control': 'no-store, max-age=60' }, 'no-store'],
    ['what varies by everything', { ...FRESH, Vary: '*' }, 'vary'],
    ['what its request forbids', FRESH, 'request', { headers: { 'Cache-Control': 'no-store' } }],
    ['what is meant for it not to be stored', { ...FRESH, 'CDN-Cache-Control': 'no-store' }, 'no-store'],
    ['what was asked for by somebody (§3.5)', FRESH, 'authorization', SIGNED_IN],
  ])('but not %s', async (_what, headers, why, sent) => {
    const { ask } = await site(saying(headers));
    const first = await ask('/page', sent);
    // Where nothing can come of it the cache has no part in it.
    const isTold = why !== 'request';
    expect(first.header('Cache-Status')).toBe(
      isTold ? `turnpike; fwd=uri-miss; fwd-status=200; detail=${why}` : 'turnpike; fwd=uri-miss',
    );
    expect((await ask('/page')).text).toBe('run 2');
  });

  it.each(['public, max-age=60', 's-maxage=60', 'max-age=60, must-revalidate'])(
    'what was asked for by somebody, by its %j (§3.5)',
    async (cacheControl) => {
      const { ask, seen } = await site(saying({ 'Cache-Control': cacheControl }));
      await ask('/page', SIGNED_IN);
      expect((await hitOf(ask, '/page')).text).toBe('run 1');
      expect((await hitOf(ask, '/page', { headers: { Authorization: 'Bearer bob' } })).text).toBe('run 1');
      expect(seen.runs).toBe(1);
    },
  );

  it('nothing of who asked, where that is not for others', async () => {
    const { ask } = await site((req, res) => void res.set(FRESH).send(`for <${req.headers.authorization}>`));
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, n) => ask('/page', { headers: { Authorization: `user-${n}` } })),
    );
    expect(answers.map(({ text }) => text)).toEqual(Array.from({ length: 20 }, (_, n) => `for <user-${n}>`));
    expect(await storedText(it_.clients)).not.toContain('user-');
  });

  it('all fields but those that no-cache and private name (§5.2.2.4)', async () => {
    const headers = { 'Cache-Control': 'max-age=60, no-cache="x-a, set-cookie", private="X-B"', 'X-C': '3' };
    const { ask } = await site(saying({ ...headers, 'X-A': '1', 'X-B': '2', 'Set-Cookie': 'a=b' }));
    const first = await ask('/page');
    expect(['X-A', 'X-B', 'X-C', 'Set-Cookie'].map((name) => first.header(name))).toEqual(['1', '2', '3', 'a=b']);
    const hit = await hitOf(ask, '/page');
    expect(['X-A', 'X-B', 'X-C', 'Set-Cookie'].map((name) => hit.header(name))).toEqual([
      undefined,
      undefined,
      '3',
      undefined,
    ]);
  });

  it('the Date of its making, and counts its age from there (§4.2.3)', async () => {
    const date = new Date(Date.now() - 20_000).toUTCString();
    const { ask } = await site(saying({ ...FRESH, Date: date, Age: '10, 99' }));
    await ask('/page');
    const hit = await hitOf(ask, '/page');
    const age = Number(hit.header('Age'));
    expect([age >= 20, age < 25]).toEqual([true, true]);
    expect(hit.header('Cache-Status')).toMatch(/^turnpike; hit; ttl=3\d$/);
  });

  it('what one client after another asks for, though none was stored before', async () => {
    let cacheControl = 'no-store';
    const { ask } = await site((_req, res, run) => void res.set('Cache-Control', cacheControl).send(`run ${run}`));
    await ask('/page');
    cacheControl = 'max-age=60';
    // That the last was not to be stored says nothing of the next.
    await ask('/page');
    expect((await hitOf(ask, '/page')).text).toBe('run 2');
  });

  it('variants, and gives each to those who match it (§4.1)', async () => {
    const { ask, seen } = await site(
      (req, res, run) =>
        void res.set(FRESH).vary('Accept-Language').send(`run ${run} in ${req.headers['accept-language']}`),
    );
    const languages = ['en', 'de', 'EN', 'de'];
    await ask('/page', { headers: { 'Accept-Language': 'en' } });
    await ask('/page', { headers: { 'Accept-Language': 'de' } });
    for (const language of languages) {
      const hit = await hitOf(ask, '/page', { headers: { 'Accept-Language': language } });
      expect(hit.text).toBe(language.toLowerCase() === 'en' ? 'run 1 in en' : 'run 2 in de');
    }
    // A cookie is a field as any other.
    expect(seen.runs).toBe(2);
  });

  it('what varies by Cookie, for who has the same', async () => {
    const { ask } = await site((req, res) => void res.set(FRESH).vary('Cookie').send(`for ${req.headers.cookie}`));
    const as = (cookie: string): Sent => ({ headers: { Cookie: cookie } });
    await ask('/page', as('a=1'));
    await ask('/page', as('a=2'));
    expect((await hitOf(ask, '/page', as('a=1'))).text).toBe('for a=1');
    expect((await hitOf(ask, '/page', as('a=2'))).text).toBe('for a=2');
  });

  it('no 1xx, and lets them by (RFC 9110 §15.2)', async () => {
    const { ask } = await site((_req, res) => {
      res.writeEarlyHints({ link: '</a.css>; rel=preload' });
      res.writeProcessing();
      res.set(FRESH).send('page');
    });
    const wire = await ask.open('/page');
    await wire.closed;
    expect(wire.text()).toMatch(/^HTTP\/1\.1 103 [^]*HTTP\/1\.1 102 [^]*HTTP\/1\.1 200 OK/);
    expect((await hitOf(ask, '/page')).text).toBe('page');
  });
});

describe('the pages of a shared cache', () => {
  it('are none of the safe ones', async () => {
    const [, express] = EXPRESSES[1]!;
    const shared = await siteOf(express, sharedCache(it_.clients), saying({ ...FRESH, 'Set-Cookie': 'a=alice' }));
    await shared.ask('/page');
    await hitOf(shared.ask, '/page');
    const safe = await siteOf(express, zeroOptions(it_.clients), saying(FRESH));
    const answer = await safe.ask('/page');
    expect([answer.text, answer.header('Set-Cookie')]).toEqual(['run 1', undefined]);
    expect(safe.seen.runs).toBe(1);
  });

  it('are kept as long as is said, when they are expired', async () => {
    const [, express] = EXPRESSES[1]!;
    const headers = { ETag: '"a"', 'Cache-Control': 'max-age=1' };
    const { ask } = await siteOf(express, sharedCache(it_.clients, {}, { keepStaleMs: 500_000 }), saying(headers));
    await ask('/page');
    await hitOf(ask, '/page');
    const redis = it_.clients.client();
    const [key] = await it_.clients.scan(':v1:cache-aside:*:page');
    const leftMs = await redis.pttl(key!);
    expect([leftMs > 495_000, leftMs <= 501_000]).toEqual([true, true]);
  });

  it('are used and validated as any, also kept in the process and compressed', async () => {
    const [, express] = EXPRESSES[1]!;
    const [redis, { prefix }] = [it_.clients.client(), it_.clients];
    const cache = createCache({ redis, prefix, ttlMs: 1000, deadlineMs: 5000, l1: l1(), compressAboveBytes: 100 });
    onTestFinished(() => cache.close());
    const { ask, seen } = await siteOf(express, cacheResponse({ cache, profile: rfc9111() }), (req, res, run) => {
      res.set({ ETag: '"a"', 'Cache-Control': 'max-age=60', 'X-Run': String(run) });
      if (req.headers['if-none-match'] === '"a"') res.status(304).end();
      else res.end('x'.repeat(10_000));
    });
    await ask('/page');
    for (let n = 0; n < 5; n += 1) await hitOf(ask, '/page');
    const own = await ask('/page', { headers: { 'Cache-Control': 'no-cache' } });
    expect([own.text.length, own.header('X-Run')]).toEqual([10_000, '2']);
    await eventually(async () => expect((await hitOf(ask, '/page')).header('X-Run')).toBe('2'));
    expect([seen.runs, cache.stats().corrupt]).toEqual([2, 0]);
  });

  it('are gone with their time, where they are of no use after it', async () => {
    const [, express] = EXPRESSES[1]!;
    const { ask } = await siteOf(
      express,
      sharedCache(it_.clients),
      saying({ 'Cache-Control': 'max-age=1, must-revalidate' }),
    );
    await ask('/page');
    await hitOf(ask, '/page');
    await sleep(1100);
    expect(await it_.clients.scan(':v1:cache-aside:*:page')).toEqual([]);
  });
});

describe('cacheResponse with a profile', () => {
  const made = (more: PageOptions): unknown =>
    cacheResponse({ redis: it_.clients.client(), prefix: it_.clients.prefix, ...more });

  it.each<[more: PageOptions, message: RegExp]>([
    [{ profile: rfc9111(), ttlMs: 1000 }, /option "ttlMs" must be left out with this profile/],
    [{ profile: rfc9111(), scope: 'public' }, /option "scope" must be left out with this profile/],
    [{ profile: rfc9111(), negative: { 404: 5 } }, /option "negative" must be left out with this profile/],
    [{ profile: {} as never, ttlMs: 1000 }, /option "profile" must be made by rfc9111\(\)/],
    [{ profile: 'rfc9111' as never, ttlMs: 1000 }, /option "profile" must be made by rfc9111\(\)/],
    [{ profile: null as never, ttlMs: 1000 }, /option "profile" must be made by rfc9111\(\)/],
  ])('says what does not go with it', (more, message) => {
    expect(() => made(more)).toThrow(
      expect.objectContaining({ code: 'ERR_TURNPIKE_OPTION', message: expect.stringMatching(message) as string }),
    );
  });

  it('needs no time to live', () => {
    expect(made({ profile: rfc9111() })).toBeTypeOf('function');
  });
});
