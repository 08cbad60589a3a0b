import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '@turnpike/test-kit';
import { setting } from '@turnpike/test-kit/vitest';
import { describe, expect, it } from 'vitest';
import { type Handler, type Sent, type Site, hitOf, siteOf } from '../express/app.ts';
import { VERSIONS, type Headers, sharedCache, versioned } from './app.ts';

const it_ = setting();

const DIGITS = '0123456789';
const FRESH = { 'Cache-Control': 'max-age=60' };

/** An origin that knows of ranges itself. */
const origin =
  (headers: Headers = FRESH): Handler =>
  (req, res) => {
    res.set({ ETag: '"v1"', ...headers });
    if (req.headers.range !== 'bytes=2-4') return void res.end(DIGITS);
    res.status(206).set('Content-Range', 'bytes 2-4/10').end('234');
  };

const PART: Sent = { headers: { Range: 'bytes=2-4' } };

describe.each(VERSIONS)('conditions and ranges, on %s', (_version, express) => {
  const site = (handler: Handler): Promise<Site> => siteOf(express, sharedCache(it_.clients), handler);

  it('go to the handler, where nothing is stored, and its answer to the client', async () => {
    const { ask, seen } = await site(origin());
    const part = await ask('/page', PART);
    expect([part.status, part.text, part.header('Content-Range')]).toEqual([206, '234', 'bytes 2-4/10']);
    expect(part.header('Cache-Status')).toBe('turnpike; fwd=uri-miss; fwd-status=206; detail=partial');
    // A part is stored for nobody.
    expect((await ask('/page')).text).toBe(DIGITS);
    expect((await hitOf(ask, '/page')).text).toBe(DIGITS);
    expect(seen.runs).toBe(2);
  });

  it('of a client that has it already go to the handler, and its 304 to the client', async () => {
    const { ask, seen } = await site(versioned(() => 'a', FRESH));
    const mine = await ask('/page', { headers: { 'If-None-Match': '"a"' } });
    expect([mine.status, mine.header('ETag')]).toEqual([304, '"a"']);
    expect((await ask('/page')).text).toBe('version a, run 2');
    expect(seen.runs).toBe(2);
  });

  it('are answered in full, and that is stored', async () => {
    const { ask, seen } = await site(versioned(() => 'a', FRESH));
    const other = await ask('/page', { headers: { 'If-None-Match': '"z"' } });
    expect([other.status, other.text]).toEqual([200, 'version a, run 1']);
    expect((await hitOf(ask, '/page')).text).toBe('version a, run 1');
    expect(seen.runs).toBe(1);
  });

  it.each<[what: string, headers: Headers, status: number, body: string]>([
    ['a range (RFC 9110 §14.2)', { Range: 'bytes=2-4' }, 206, '234'],
    ['the last bytes', { Range: 'bytes=-2' }, 206, '89'],
    ['a range that does not exist', { Range: 'bytes=10-' }, 416, ''],
    ['several ranges', { Range: 'bytes=0-1,3-4' }, 200, DIGITS],
    ['a range of this version (§13.1.5)', { Range: 'bytes=2-4', 'If-Range': '"v1"' }, 206, '234'],
    ['a range of another', { Range: 'bytes=2-4', 'If-Range': '"v0"' }, 200, DIGITS],
    ['a range of this, weakly', { Range: 'bytes=2-4', 'If-Range': 'W/"v1"' }, 200, DIGITS],
    ['this version (§13.1.2)', { 'If-None-Match': '"v0", W/"v1"' }, 304, ''],
    ['another version', { 'If-None-Match': '"v0"' }, 200, DIGITS],
  ])('are answered from what is stored: %s', async (_what, headers, status, body) => {
    const { ask, seen } = await site(origin());
    await ask('/page');
    await hitOf(ask, '/page');
    const answer = await hitOf(ask, '/page', { headers });
    expect([answer.status, answer.text, seen.runs]).toEqual([status, body, 1]);
  });

  it('If-Match and If-Unmodified-Since are the handler’s to judge (§13.2.1)', async () => {
    const { ask, seen } = await site((req, res) => {
      res.set({ ETag: '"v1"', ...FRESH });
      if (req.headers['if-match'] === '"v0"') res.status(412).end('no');
      else res.end(DIGITS);
    });
    await ask('/page');
    await hitOf(ask, '/page');
    expect((await ask('/page', { headers: { 'If-Match': '"v0"' } })).status).toBe(412);
    expect((await hitOf(ask, '/page')).text).toBe(DIGITS);
    expect(seen.runs).toBe(2);
  });
});

describe.each(VERSIONS)('HEAD, on %s', (_version, express) => {
  const site = (handler: Handler): Promise<Site> => siteOf(express, sharedCache(it_.clients), handler);
  const HEAD: Sent = { method: 'HEAD' };

  it('is answered by a stored GET, and by its handler otherwise (RFC 9110 §9.3.2)', async () => {
    const { ask, seen } = await site(origin());
    const first = await ask('/page', HEAD);
    expect([first.status, first.header('Cache-Status')]).toEqual([
      200,
      'turnpike; fwd=uri-miss; fwd-status=200; detail=method',
    ]);
    await ask('/page');
    const hit = await hitOf(ask, '/page', HEAD);
    expect([hit.header('Content-Length'), hit.header('ETag'), seen.runs]).toEqual(['10', '"v1"', 2]);
  });

  it('tells anew what is stored, where it is the same (RFC 9111 §4.3.5)', async () => {
    const { ask, seen } = await site((_req, res, run) => {
      res.set({ ETag: '"a"', 'X-Run': String(run), 'Cache-Control': run === 1 ? 'max-age=0' : 'max-age=60' });
      res.end('page');
    });
    await ask('/page');
    await ask('/page', HEAD);
    const hit = await hitOf(ask, '/page');
    expect([hit.text, hit.header('X-Run'), seen.runs]).toEqual(['page', '2', 2]);
  });

  it('makes what is stored stale, where it is another (RFC 9111 §4.3.5)', async () => {
    let version = 'a';
    const { ask } = await site(versioned(() => version, FRESH));
    await ask('/page');
    await hitOf(ask, '/page');
    version = 'b';
    await ask('/page', { method: 'HEAD', headers: { 'Cache-Control': 'no-cache' } });
    await eventually(async () => expect((await ask('/page')).text).toMatch(/^version b/));
  });

  it('of what is expired leaves it there, to be validated by the next GET', async () => {
    const { ask } = await site(versioned(() => 'a', { 'Cache-Control': 'max-age=1' }));
    await ask('/page');
    await sleep(1050);
    await ask('/page', { ...HEAD, headers: { 'Cache-Control': 'no-store' } });
    expect((await ask('/page')).header('Cache-Status')).toBe('turnpike; fwd=stale; fwd-status=304; stored');
  });
});
