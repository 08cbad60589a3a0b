import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '@turnpike/test-kit';
import { setting } from '@turnpike/test-kit/vitest';
import { describe, expect, it } from 'vitest';
import { type Handler, type Site, gate, hitOf, siteOf } from '../express/app.ts';
import { VERSIONS, sharedCache } from './app.ts';

const it_ = setting();

/** Answers once; and then as an origin that has failed. */
const failing =
  (cacheControl: string, status = 503, etag?: string): Handler =>
  (_req, res, run) => {
    if (run > 1) return res.status(status).set('Retry-After', '9').end('sorry');
    if (etag !== undefined) res.set('ETag', etag);
    return res.set('Cache-Control', cacheControl).end('page');
  };

describe.each(VERSIONS)('a stale answer, on %s', (_version, express) => {
  const site = (handler: Handler, more: { staleIfErrorMs?: number } = {}): Promise<Site> =>
    siteOf(express, sharedCache(it_.clients, more), handler);

  it.each([500, 502, 503, 504])('takes the place of a %s, where it says so (RFC 5861 §4)', async (status) => {
    const { ask } = await site(failing('max-age=0, stale-if-error=60', status));
    await ask('/page');
    for (let n = 0; n < 2; n += 1) {
      const answer = await ask('/page');
      expect([answer.status, answer.text, answer.header('Retry-After')]).toEqual([200, 'page', undefined]);
      expect(answer.header('Cache-Status')).toMatch(/^turnpike; hit; ttl=-\d+$/);
    }
  });

  it('takes the place of an error, where that is agreed (RFC 9111 §4.2.4)', async () => {
    const { ask } = await site(failing('max-age=0', 502, '"a"'), { staleIfErrorMs: 60_000 });
    await ask('/page');
    expect((await ask('/page')).text).toBe('page');
  });

  it('takes the place of an error, where its client says so', async () => {
    const { ask } = await site(failing('max-age=0', 502, '"a"'));
    await ask('/page');
    expect((await ask('/page', { headers: { 'Cache-Control': 'stale-if-error=60' } })).text).toBe('page');
    expect((await ask('/page')).status).toBe(502);
  });

  it.each(['must-revalidate', 'proxy-revalidate', 's-maxage=0', 'no-cache'])(
    'takes no place by its %s, whatever is agreed (§4.2.4)',
    async (directive) => {
      const { ask } = await site(failing(`max-age=0, stale-if-error=60, ${directive}`, 502, '"a"'), {
        staleIfErrorMs: 60_000,
      });
      await ask('/page');
      for (let n = 0; n < 2; n += 1) {
        const answer = await ask('/page');
        expect([answer.status, answer.text, answer.header('Retry-After')]).toEqual([502, 'sorry', '9']);
      }
    },
  );

  it('takes no place for a client that wants what holds', async () => {
    const { ask } = await site(failing('max-age=0, stale-if-error=60'));
    await ask('/page');
    expect((await ask('/page', { headers: { 'Cache-Control': 'no-cache' } })).status).toBe(503);
    // And stays for those who take it.
    expect((await ask('/page')).text).toBe('page');
  });

  it('takes no place of an answer that is no failure', async () => {
    const { ask } = await site(failing('max-age=0, stale-if-error=60', 404));
    await ask('/page');
    expect((await ask('/page')).status).toBe(404);
  });

  it('that is strict outlives a failure, and is validated by the next', async () => {
    const { ask } = await site((req, res, run) => {
      if (run === 2) return res.status(503).end('sorry');
      res.set({ ETag: '"a"', 'Cache-Control': run === 1 ? 'max-age=1, must-revalidate' : 'max-age=60' });
      return req.headers['if-none-match'] === '"a"' ? res.status(304).end() : res.end(`run ${run}`);
    });
    await ask('/page');
    await sleep(1050);
    expect((await ask('/page')).status).toBe(503);
    expect((await ask('/page')).text).toBe('run 1');
    expect((await hitOf(ask, '/page')).text).toBe('run 1');
  });

  it('is given while it is validated in the background (RFC 5861 §3)', async () => {
    const { ask, seen } = await site(async (req, res, run) => {
      res.set({ ETag: '"a"', 'X-Run': String(run) });
      if (run > 1) await sleep(30);
      res.set('Cache-Control', run === 1 ? 'max-age=0, stale-while-revalidate=60' : 'max-age=60');
      if (req.headers['if-none-match'] === '"a"') res.status(304).end();
      else res.end(`run ${run}`);
    });
    await ask('/page');
    const stale = await hitOf(ask, '/page');
    expect([stale.text, stale.header('X-Run')]).toEqual(['run 1', '1']);
    await eventually(async () => expect((await hitOf(ask, '/page')).header('X-Run')).toBe('2'));
    expect((await hitOf(ask, '/page')).text).toBe('run 1');
    expect(seen.runs).toBe(2);
  });

  it('is not given to who asks with Authorization, whose run nobody can make in the background', async () => {
    const { ask } = await site(
      (_req, res, run) =>
        void res.set('Cache-Control', 'public, max-age=0, stale-while-revalidate=60').end(`run ${run}`),
    );
    await ask('/page');
    expect((await ask('/page', { headers: { Authorization: 'a' } })).text).toBe('run 2');
  });

  it('an error that nothing stands in for streams as it comes', async () => {
    const going = gate();
    const { ask } = await site(async (_req, res) => {
      res.status(500).write('first');
      await going.opened;
      res.end(', last');
    });
    const wire = await ask.open('/page', { headers: { 'Cache-Control': 'no-cache' } });
    await wire.until(/first/);
    going.open();
    expect((await wire.answer()).text).toBe('first, last');
  });
});
