import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '@turnpike/test-kit';
import { setting } from '@turnpike/test-kit/vitest';
import { describe, expect, it } from 'vitest';
import { cacheTags } from '../../src/express/index.ts';
import { type Handler, type Site, hitOf, siteOf } from '../express/app.ts';
import { VERSIONS, type Headers, saying, sharedCache, versioned } from './app.ts';

const it_ = setting();

/** Stale at once, and kept. */
const STALE = { 'Cache-Control': 'max-age=0' };

describe.each(VERSIONS)('a stored answer that has to be validated, on %s', (_version, express) => {
  const site = (handler: Handler): Promise<Site> => siteOf(express, sharedCache(it_.clients), handler);
  const always = (version: string, headers: Headers): Promise<Site> => site(versioned(() => version, headers));

  it.each<[why: string, headers: Headers]>([
    ['that is no-cache', { 'Cache-Control': 'no-cache, max-age=60' }],
    ['that is expired', STALE],
    ['that is expired, and strict', { 'Cache-Control': 'max-age=0, must-revalidate' }],
  ])('%s, is given with the fields of the 304 (§4.3.4)', async (_why, headers) => {
    const { ask, seen } = await always('a', headers);
    const first = await ask('/page');
    expect([first.status, first.text, first.header('X-Run')]).toEqual([200, 'version a, run 1', '1']);
    for (const run of [2, 3]) {
      const next = await ask('/page');
      expect([next.status, next.text, next.header('X-Run')]).toEqual([200, 'version a, run 1', String(run)]);
      expect(next.header('Cache-Status')).toBe('turnpike; fwd=stale; fwd-status=304; stored');
      // It was the handler that said so (§5.1).
      expect(next.header('Age')).toBeUndefined();
    }
    expect(seen.runs).toBe(3);
  });

  it('is fresh again by the word of the 304 (§4.3.4)', async () => {
    const { ask, seen } = await site((req, res, run) => {
      res.set({ ETag: '"a"', 'Cache-Control': run === 1 ? 'max-age=0' : 'max-age=60' });
      if (req.headers['if-none-match'] === undefined) res.send('page');
      else res.status(304).end();
    });
    await ask('/page');
    await ask('/page');
    expect((await hitOf(ask, '/page')).text).toBe('page');
    expect(seen.runs).toBe(2);
  });

  it('is replaced by another that has come instead (§4.3.3)', async () => {
    let version = 'a';
    const { ask } = await site(versioned(() => version, STALE));
    await ask('/page');
    version = 'b';
    expect((await ask('/page')).text).toBe('version b, run 2');
    await eventually(async () => {
      expect((await ask('/page')).header('Cache-Status')).toBe('turnpike; fwd=stale; fwd-status=304; stored');
    });
  });

  it('asks by Last-Modified where it has no ETag (§4.3.1)', async () => {
    const modified = 'Wed, 01 Jan 2025 00:00:00 GMT';
    const { ask } = await site((req, res, run) => {
      res.set({ 'Last-Modified': modified, 'Cache-Control': 'no-cache' });
      if (req.headers['if-modified-since'] === modified) res.status(304).end();
      else res.send(`run ${run}`);
    });
    await ask('/page');
    expect((await ask('/page')).text).toBe('run 1');
  });

  it('is validated by what Express does by itself', async () => {
    const { ask, seen } = await site((_req, res) => {
      res.set('Cache-Control', 'max-age=0').send('the same');
    });
    await ask('/page');
    const again = await ask('/page');
    expect([again.status, again.text, again.header('Cache-Status')]).toEqual([
      200,
      'the same',
      'turnpike; fwd=stale; fwd-status=304; stored',
    ]);
    expect(seen.runs).toBe(2);
  });

  it('keeps its own fields, where the 304 is about another (§4.3.4)', async () => {
    const { ask } = await site((req, res, run) => {
      res.set({ ETag: run === 1 ? '"a"' : '"b"', 'X-Run': String(run), 'Cache-Control': 'no-cache' });
      if (req.headers['if-none-match'] === undefined) res.send('page');
      else res.status(304).end();
    });
    await ask('/page');
    const again = await ask('/page');
    expect([again.status, again.text, again.header('ETag'), again.header('X-Run')]).toEqual([200, 'page', '"a"', '1']);
  });

  it('answers what its client has by what holds now', async () => {
    const { ask, seen } = await always('a', STALE);
    await ask('/page');
    const mine = await ask('/page', { headers: { 'If-None-Match': '"a"' } });
    expect([mine.status, mine.header('ETag')]).toEqual([304, '"a"']);
    const other = await ask('/page', { headers: { 'If-None-Match': '"z"' } });
    expect([other.status, other.text]).toEqual([200, 'version a, run 1']);
    const part = await ask('/page', { headers: { Range: 'bytes=0-6' } });
    expect([part.status, part.text]).toEqual([206, 'version']);
    expect(seen.runs).toBe(4);
  });

  it('is not kept as what it was, where the 304 forbids it to be stored', async () => {
    const { ask } = await site((req, res, run) => {
      res.set({ ETag: '"a"', 'Cache-Control': run === 1 ? 'max-age=0' : 'no-store' });
      if (req.headers['if-none-match'] === undefined) res.send(`run ${run}`);
      else res.status(304).end();
    });
    await ask('/page');
    const again = await ask('/page');
    expect([again.status, again.text]).toEqual([200, 'run 1']);
    await eventually(async () => expect((await ask('/page')).text).not.toBe('run 1'));
  });

  it('keeps the tags that its handler gave it, though a 304 names none', async () => {
    let version = 'a';
    const cached = sharedCache(it_.clients);
    const { ask } = await siteOf(express, cached, (req, res, run) => {
      res.set({ ETag: `"${version}"`, 'Cache-Control': run === 1 ? 'max-age=0' : 'max-age=60' });
      if (req.headers['if-none-match'] === `"${version}"`) return res.status(304).end();
      cacheTags(res, 'maker:1', 'a tag that is not plain');
      return res.send(`version ${version}`);
    });
    await ask('/page');
    await ask('/page');
    await hitOf(ask, '/page');
    version = 'b';
    await cached.cache.invalidate({ tags: ['a tag that is not plain'] });
    expect((await ask('/page')).text).toBe('version b');
  });

  it('is asked for by as many as ask, where no one may have the answer of another', async () => {
    const { ask, seen } = await site(async (req, res, run) => {
      await sleep(20);
      res.set({ ETag: '"a"', 'Cache-Control': 'no-cache' });
      if (req.headers['if-none-match'] === undefined) res.send(`run ${run}`);
      else res.status(304).end();
    });
    await ask('/page');
    const began = performance.now();
    const answers = await Promise.all(Array.from({ length: 20 }, () => ask('/page')));
    expect(new Set(answers.map(({ text }) => text))).toEqual(new Set(['run 1']));
    expect(seen.runs).toBe(21);
    // One after the other it would be 400 ms.
    expect(performance.now() - began).toBeLessThan(350);
  });

  it('is rendered for each, where it is cold and no one may have the answer of another (§4)', async () => {
    const { ask, seen } = await site(async (_req, res, run) => {
      await sleep(30);
      res.set({ ETag: '"a"', 'Cache-Control': 'no-cache' }).end(`run ${run}`);
    });
    const answers = await Promise.all(Array.from({ length: 10 }, () => ask('/page')));
    for (const { header } of answers) expect(header('Cache-Status')).not.toMatch(/hit|collapsed/);
    expect(seen.runs).toBe(10);
  });

  it('is asked for once for all, where it is merely expired', async () => {
    const { ask, seen } = await site(async (req, res, run) => {
      res.set({ ETag: '"a"', 'Cache-Control': run === 1 ? 'max-age=1' : 'max-age=60' });
      if (req.headers['if-none-match'] === undefined) return res.send(`run ${run}`);
      await sleep(50);
      return res.status(304).end();
    });
    await ask('/page');
    await sleep(1050);
    const answers = await Promise.all(Array.from({ length: 20 }, () => ask('/page')));
    expect(new Set(answers.map(({ status, text }) => `${status} ${text}`))).toEqual(new Set(['200 run 1']));
    expect(seen.runs).toBe(2);
  });
});

describe.each(VERSIONS)('a client that demands, on %s', (_version, express) => {
  const site = (handler: Handler): Promise<Site> => siteOf(express, sharedCache(it_.clients), handler);
  const FRESH = { 'Cache-Control': 'max-age=60' };

  it.each<[what: string, headers: Headers]>([
    ['no-cache (§5.2.1.4)', { 'Cache-Control': 'no-cache' }],
    ['max-age=0 (§5.2.1.1)', { 'Cache-Control': 'max-age=0' }],
    ['min-fresh beyond what there is (§5.2.1.3)', { 'Cache-Control': 'min-fresh=100' }],
    ['Pragma: no-cache (§5.4)', { Pragma: 'no-cache' }],
  ])('%s: has its own run, and others have what it brings', async (_what, headers) => {
    const { ask } = await site(saying(FRESH));
    await ask('/page');
    const own = await ask('/page', { headers });
    expect([own.text, own.header('Cache-Status')]).toEqual(['run 2', 'turnpike; fwd=request; fwd-status=200; stored']);
    await eventually(async () => expect((await hitOf(ask, '/page')).text).toBe('run 2'));
  });

  it('no-cache, has not the answer of a run that began before it asked', async () => {
    const { ask, seen } = await site(async (_req, res, run) => {
      await sleep(40);
      res.set(FRESH).send(`run ${run}`);
    });
    const first = ask('/page');
    await eventually(() => expect(seen.runs).toBe(1));
    const own = await ask('/page', { headers: { 'Cache-Control': 'no-cache' } });
    expect([(await first).text, own.text]).toEqual(['run 1', 'run 2']);
  });

  it('no-cache, has its own question asked while that of another is under way', async () => {
    const { ask, seen } = await site(async (_req, res, run) => {
      res.set({ ETag: '"a"', 'Cache-Control': 'max-age=1' });
      if (run === 1) return res.end('run 1');
      await sleep(60);
      return res.status(304).end();
    });
    await ask('/page');
    await sleep(1050);
    const others = ask('/page');
    await eventually(() => expect(seen.runs).toBe(2));
    const own = await ask('/page', { headers: { 'Cache-Control': 'no-cache' } });
    expect([(await others).text, own.text, seen.runs]).toEqual(['run 1', 'run 1', 3]);
  });

  it('no-cache, is answered by what is stored once the handler has said that it holds', async () => {
    const { ask } = await site(versioned(() => 'a', FRESH));
    await ask('/page');
    const own = await ask('/page', { headers: { 'Cache-Control': 'no-cache' } });
    expect([own.text, own.header('Cache-Status')]).toEqual([
      'version a, run 1',
      'turnpike; fwd=request; fwd-status=304; stored',
    ]);
  });

  it('only-if-cached, has what is stored, or 504 (§5.2.1.7)', async () => {
    const { ask, seen } = await site(saying(FRESH));
    const onlyIfCached = { headers: { 'Cache-Control': 'only-if-cached' } };
    const none = await ask('/page', onlyIfCached);
    expect([none.status, none.header('Cache-Status')]).toEqual([504, 'turnpike; detail=not-stored']);
    expect(none.json()).toMatchObject({ status: 504, code: 'cache_not_stored' });
    expect(seen.runs).toBe(0);
    await ask('/page');
    await hitOf(ask, '/page', onlyIfCached);
    expect(seen.runs).toBe(1);
  });

  it('max-stale, has what is expired (§5.2.1.2)', async () => {
    const { ask, seen } = await site(versioned(() => 'a', STALE));
    await ask('/page');
    const stale = await hitOf(ask, '/page', { headers: { 'Cache-Control': 'max-stale=60' } });
    expect([stale.text, seen.runs]).toEqual(['version a, run 1', 1]);
    expect(stale.header('Cache-Status')).toMatch(/^turnpike; hit; ttl=-\d+$/);
  });

  it('no-store, leaves nothing behind, and has what is there (§5.2.1.5)', async () => {
    const { ask, seen } = await site(saying(FRESH));
    const noStore = { headers: { 'Cache-Control': 'no-store' } };
    await ask('/page', noStore);
    expect((await ask('/page')).text).toBe('run 2');
    expect((await hitOf(ask, '/page', noStore)).text).toBe('run 2');
    expect(seen.runs).toBe(2);
  });
});
