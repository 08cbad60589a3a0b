import { setTimeout as sleep } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import { eventually, race } from '@turnpike/test-kit';
import { setting } from '@turnpike/test-kit/vitest';
import compression from 'compression';
import type { RequestHandler } from 'express';
import { describe, expect, it } from 'vitest';
import {
  type Answer,
  EXPRESSES,
  type Handler,
  type Sent,
  type Site,
  type SiteParts,
  hitOf,
  siteOf,
  storedText,
  zeroOptions,
} from './app.ts';

const it_ = setting();

const speaking = (language: string, more: Record<string, string> = {}): Sent => ({
  headers: { 'Accept-Language': language, ...more },
});

const inLanguage: Handler = (req, res, run) => {
  res
    .vary('Accept-Language')
    .type('text')
    .send(`page ${run} in <${req.get('Accept-Language')}>`);
};

describe.each(EXPRESSES)('variants of a page on %s', (_version, express) => {
  const site = (handler: Handler, parts?: SiteParts): Promise<Site> =>
    siteOf(express, zeroOptions(it_.clients), handler, parts);

  it('are counted for as long as any of them may be served, also stale', async () => {
    const { ask } = await site((req, res, run, next) => {
      res.set('Cache-Control', 'max-age=10, stale-while-revalidate=600');
      return inLanguage(req, res, run, next);
    });
    await hitOf(ask, '/page', speaking('en'));
    const redis = it_.clients.client();
    const [counted] = await it_.clients.scan(':v1:cache-aside:*:variants');
    await redis.del(counted!);
    await hitOf(ask, '/page', speaking('de'));
    await eventually(async () => expect(await redis.pttl(counted!)).toBeGreaterThan(500_000));
  });

  it('are both kept, by what Vary names and by nothing else', async () => {
    const { ask, seen } = await site(inLanguage);
    for (const language of ['en', 'de']) await ask('/page', speaking(language));
    for (const [run, language] of ['en', 'de', 'en', 'de'].entries()) {
      const hit = await hitOf(ask, '/page', speaking(language, { 'User-Agent': `browser ${run}` }));
      expect(hit.text).toBe(`page ${(run % 2) + 1} in <${language}>`);
      expect(hit.header('Vary')).toBe('Accept-Language');
    }
    expect(seen.runs).toBe(2);
  });

  it('are told apart by a header that is missing, empty, or says "undefined"', async () => {
    const { ask } = await site((req, res) => {
      const given = req.headers['x-plan'];
      res.vary('X-Plan').json({ isThere: 'x-plan' in req.headers, given });
    });
    const plans = [undefined, '', 'undefined', 'null', 'a, b', 'a'];
    for (const plan of [...plans, ...plans, ...plans.toReversed()]) {
      const { isThere, given } = (await ask('/page', { headers: { 'X-Plan': plan } })).json();
      expect([isThere, given]).toEqual([plan !== undefined, plan]);
      await sleep(5);
    }
  });

  it('are told apart by two headers, whichever of them has what value', async () => {
    const { ask } = await site((req, res) => {
      res.set('Vary', 'x-one , X-Two').json({ one: req.get('X-One') ?? '', two: req.get('X-Two') ?? '' });
    });
    const pairs: [string, string][] = [
      ['a', 'b'],
      ['b', 'a'],
      ['ab', ''],
      ['', 'ab'],
      ['a,b', ''],
      ['a|b', 'c'],
      ['a', 'b|c'],
      ['a":"b', 'c'],
    ];
    for (const [one, two] of [...pairs, ...pairs, ...pairs.toReversed()]) {
      expect((await ask('/page', { headers: { 'X-One': one, 'X-Two': two } })).json()).toEqual({ one, two });
    }
  });

  it('of a cold page that two kinds of clients ask for at once are one call of the handler each', async () => {
    const { ask, seen } = await site(async (req, res, run, next) => {
      await eventually(() => seen.arrived === 40);
      await inLanguage(req, res, run, next);
    });
    const languages = ['en', 'de'];
    const answers = await race(40, (n) => ask('/page', speaking(String(languages[n % 2]))));
    for (const [n, { text }] of answers.entries()) expect(text).toContain(`in <${languages[n % 2]}>`);
    expect(seen.runs).toBe(2);
  });

  it('of which 30 are asked for are each right, and at most 20 of them are kept', async () => {
    const { ask, seen } = await site(inLanguage);
    const languages = Array.from({ length: 30 }, (_, n) => `l${n}`);
    for (let round = 0; round < 3; round += 1) {
      for (const language of languages) {
        expect((await ask('/page', speaking(language))).text).toContain(`in <${language}>`);
        await sleep(2);
      }
    }
    const kept = new Set((await storedText(it_.clients)).match(/in <l\d+>/g));
    expect(kept.size).toBeLessThanOrEqual(20);
    expect(kept.size).toBeGreaterThan(0);
    expect(seen.runs).toBeGreaterThan(30);
    // An entry for each, and what is kept once for the page and once for the cache.
    expect((await it_.clients.scan()).length).toBeLessThanOrEqual(20 + 4);
    await ask('/other', speaking('l29'));
    expect((await hitOf(ask, '/other', speaking('l29'))).text).toContain('in <l29>');
  });

  it('of which 100 are asked for at once are each right', async () => {
    const { ask } = await site(inLanguage);
    for (let round = 0; round < 2; round += 1) {
      const answers = await race(100, (n) => ask('/page', speaking(`l${n}`)));
      for (const [n, { text }] of answers.entries()) expect(text).toContain(`in <l${n}>`);
    }
    const kept = new Set((await storedText(it_.clients)).match(/in <l\d+>/g));
    expect(kept.size).toBeLessThanOrEqual(20);
  });

  it('are told apart by every name that some answer has added to Vary', async () => {
    const { ask } = await site((req, res) => {
      const [language, plan] = [req.get('Accept-Language'), req.get('X-Plan')];
      res.vary('Accept-Language');
      if (language === 'de') res.vary('X-Plan');
      res.type('text').send(language === 'de' ? `page in ${language} for ${plan}` : `page in ${language}`);
    });
    const clients: [string, string][] = [
      ['en', 'free'],
      ['de', 'free'],
      ['de', 'pro'],
      ['en', 'pro'],
      ['fr', 'pro'],
    ];
    for (const [language, plan] of [...clients, ...clients, ...clients.toReversed()]) {
      const { text } = await ask('/page', speaking(language, { 'X-Plan': plan }));
      expect(text).toBe(language === 'de' ? `page in de for ${plan}` : `page in ${language}`);
      await sleep(5);
    }
    for (const [language, plan] of clients) await hitOf(ask, '/page', speaking(language, { 'X-Plan': plan }));
  });

  it('are told apart also when an answer has named fewer headers than one before it', async () => {
    const { ask } = await site((req, res) => {
      const language = req.get('Accept-Language');
      res.vary(language === 'en' ? 'Accept-Language' : 'X-Plan');
      if (language !== 'en') res.vary('Accept-Language');
      res.type('text').send(`page in ${language}${language === 'en' ? '' : ` for ${req.get('X-Plan')}`}`);
    });
    const clients: [string, string][] = [
      ['de', 'free'],
      ['en', 'free'],
      ['de', 'pro'],
      ['en', 'pro'],
    ];
    for (const [language, plan] of [...clients, ...clients, ...clients.toReversed()]) {
      const { text } = await ask('/page', speaking(language, { 'X-Plan': plan }));
      expect(text).toBe(language === 'en' ? 'page in en' : `page in ${language} for ${plan}`);
      await sleep(5);
    }
  });

  it('are all dropped by a change', async () => {
    const { ask, seen } = await site((req, res, run, next) =>
      req.method === 'POST' ? res.send('changed') : inLanguage(req, res, run, next),
    );
    for (const language of ['en', 'de']) {
      await ask('/page', speaking(language));
      await hitOf(ask, '/page', speaking(language));
    }
    await ask('/page', { method: 'POST' });
    for (const [n, language] of ['en', 'de'].entries()) {
      expect((await ask('/page', speaking(language))).text).toBe(`page ${n + 4} in <${language}>`);
    }
    expect(seen.runs).toBe(5);
  });

  describe.each<[string, (zip: RequestHandler) => SiteParts]>([
    ['outside', (zip) => ({ before: [zip] })],
    ['inside', (zip) => ({ inside: [zip] })],
  ])('by compression, which is %s of the cache', (where, partsOf) => {
    const TEXT = 'so much text that it is worth compressing. '.repeat(100);
    const page: Handler = (_req, res) => void res.type('text').send(TEXT);
    const zip = (): RequestHandler => compression({ threshold: 100 });
    const accepting = (coding: string | undefined, more: Record<string, string> = {}): Sent => ({
      headers: { 'Accept-Encoding': coding, ...more },
    });
    const decoded = ({ header, body }: Answer): string =>
      header('Content-Encoding') === 'gzip' ? gunzipSync(body).toString() : body.toString();

    it.each([
      ['gzip', undefined],
      [undefined, 'gzip'],
      ['gzip', 'identity'],
      ['gzip', 'gzip;q=0'],
    ])('are what each client can read: %s first, then %s', async (one, other) => {
      const { ask } = await site(page, partsOf(zip()));
      for (const coding of [one, other, one, other]) {
        for (const answer of [await ask('/page', accepting(coding)), await hitOf(ask, '/page', accepting(coding))]) {
          expect(answer.header('Content-Encoding')).toBe(coding === 'gzip' ? 'gzip' : undefined);
          expect(decoded(answer)).toBe(TEXT);
          expect(answer.header('Vary')).toBe('Accept-Encoding');
        }
      }
    });

    it('answer to the tag that each client was given', async () => {
      const { ask, seen } = await site(page, partsOf(zip()));
      for (const coding of ['gzip', undefined]) {
        const answers = [await ask('/page', accepting(coding)), await hitOf(ask, '/page', accepting(coding))];
        const { runs } = seen;
        for (const answer of answers) {
          const etag = String(answer.header('ETag'));
          expect(etag).toMatch(/^(W\/)?".+"$/);
          const again = await ask('/page', accepting(coding, { 'If-None-Match': etag }));
          expect([again.status, again.text, again.header('ETag')]).toEqual([304, '', etag]);
          // Of a 304, which has no type, compression itself says nothing.
          if (where === 'inside') expect(again.header('Vary')).toBe('Accept-Encoding');
        }
        expect(seen.runs).toBe(runs);
      }
    });

    it('have heads alike for GET and HEAD', async () => {
      const { ask } = await site(page, partsOf(zip()));
      for (const coding of ['gzip', undefined]) {
        await ask('/page', accepting(coding));
        const get = await hitOf(ask, '/page', accepting(coding));
        const head = await hitOf(ask, '/page', { ...accepting(coding), method: 'HEAD' });
        for (const name of ['ETag', 'Vary', 'Content-Type']) expect(head.header(name)).toBe(get.header(name));
        if (coding === undefined) expect(head.header('Content-Length')).toBe(String(TEXT.length));
      }
    });

    it('are one call of the handler for 20 clients of one kind, and whole to both kinds', async () => {
      const { ask, seen } = await site(async (req, res, run, next) => {
        await eventually(() => seen.arrived === 20);
        page(req, res, run, next);
      }, partsOf(zip()));
      const answers = await race(20, (n) => ask('/page', accepting(n % 2 === 0 ? 'gzip' : undefined)));
      for (const answer of answers) expect(decoded(answer)).toBe(TEXT);
      expect(seen.runs).toBeLessThanOrEqual(2);
    });

    it('are whole, or the right part, to clients that ask for a range', async () => {
      const { ask } = await site(page, partsOf(zip()));
      await ask('/page', accepting(undefined));
      await hitOf(ask, '/page', accepting(undefined));
      const part = await ask('/page', accepting('identity', { Range: 'bytes=3-9' }));
      expect([part.status, part.text]).toEqual([206, TEXT.slice(3, 10)]);
      const zipped = await ask('/page', accepting('gzip', { Range: 'bytes=3-9' }));
      if (zipped.status === 200) expect(decoded(zipped)).toBe(TEXT);
      // Of a part it has to be known of what it is a part.
      else expect([zipped.status, zipped.header('Content-Encoding')]).toEqual([206, undefined]);
    });
  });
});
