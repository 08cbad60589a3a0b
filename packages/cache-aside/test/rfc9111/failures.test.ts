import { setTimeout as sleep } from 'node:timers/promises';
import { eventually, race } from '@turnpike/test-kit';
import { setting } from '@turnpike/test-kit/vitest';
import { describe, expect, it } from 'vitest';
import { type Site, hitOf, siteOf } from '../express/app.ts';
import { VERSIONS, sharedCache, versioned } from './app.ts';

const it_ = setting();

const DEADLINE_MS = 50;

describe.each(VERSIONS)('Redis paused, on %s', (_version, express) => {
  async function warmSite(cacheControl: string): Promise<Site> {
    const cached = sharedCache(it_.clients, { deadlineMs: DEADLINE_MS });
    const site = await siteOf(
      express,
      cached,
      versioned(() => 'a', { 'Cache-Control': cacheControl }),
    );
    await site.ask('/page');
    return site;
  }

  it('every request runs its handler, with what its client asked', async () => {
    const { ask, seen } = await warmSite('max-age=60');
    await hitOf(ask, '/page');
    it_.server.pause();
    const { runs } = seen;
    const answers = await race(10, () => ask('/page'));
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 10 }, () => 200));
    expect(answers[0]?.header('Cache-Status')).toBe('turnpike; fwd=bypass; detail=store');
    const mine = await ask('/page', { headers: { 'If-None-Match': '"a"' } });
    expect(mine.status).toBe(304);
    expect((await ask('/page', { headers: { 'Cache-Control': 'no-cache' } })).status).toBe(200);
    expect((await ask('/page', { method: 'HEAD' })).status).toBe(200);
    expect(seen.runs).toBe(runs + 13);
  });

  it('a client that wants what is stored and nothing else is told that nothing is', async () => {
    const { ask, seen } = await warmSite('max-age=60');
    it_.server.pause();
    const { runs } = seen;
    expect((await ask('/page', { headers: { 'Cache-Control': 'only-if-cached' } })).status).toBe(504);
    expect(seen.runs).toBe(runs);
  });

  it('what is asked whether it holds when Redis goes is answered, and is there when it is back', async () => {
    const { ask } = await warmSite('no-cache');
    expect((await ask('/page')).text).toMatch(/^version a/);
    it_.server.pause();
    expect((await ask('/page')).status).toBe(200);
    it_.server.resume();
    await eventually(async () => {
      expect((await ask('/page')).header('Cache-Status')).toBe('turnpike; fwd=stale; fwd-status=304; stored');
    });
  });
});

describe.each(VERSIONS)('on %s', (_version, express) => {
  it('who hangs up while a page is validated for all takes it from nobody', async () => {
    let isSlow = false;
    const { ask } = await siteOf(express, sharedCache(it_.clients), async (req, res, run) => {
      if (isSlow) await sleep(50);
      res.set({ ETag: '"a"', 'Cache-Control': run === 1 ? 'max-age=1' : 'max-age=60' });
      if (req.headers['if-none-match'] === '"a"') res.status(304).end();
      else res.end(`run ${run}`);
    });
    await ask('/page');
    await sleep(1050);
    isSlow = true;
    const first = await ask.open('/page');
    await sleep(15);
    const others = race(5, () => ask('/page'));
    first.hangUp();
    expect((await others).map(({ status, text }) => `${status} ${text}`)).toEqual(
      Array.from({ length: 5 }, () => '200 run 1'),
    );
  });

  it('what is cut short is not stored, and what was there stays', async () => {
    const { ask } = await siteOf(express, sharedCache(it_.clients), (_req, res, run) => {
      res.set({ 'Cache-Control': 'max-age=60', 'Content-Length': '5' });
      if (run !== 2) return res.end('whole');
      res.write('wh');
      return res.destroy();
    });
    await ask('/page');
    await hitOf(ask, '/page');
    await expect(ask('/page', { headers: { 'Cache-Control': 'no-cache' } })).rejects.toThrow();
    expect((await hitOf(ask, '/page')).text).toBe('whole');
  });

  it('an answer over the cap streams by, also to who has a run of its own', async () => {
    const { ask, seen } = await siteOf(express, sharedCache(it_.clients, { maxBytes: 10 }), (_req, res) => {
      res.set('Cache-Control', 'max-age=60').end('x'.repeat(100));
    });
    for (const headers of [{}, { 'Cache-Control': 'no-cache' }, { 'If-None-Match': '"z"' }]) {
      expect((await ask('/page', { headers })).text).toHaveLength(100);
    }
    expect(seen.runs).toBe(3);
  });

  it('a validation that never ends keeps its client no longer than it would without a cache', async () => {
    const cached = sharedCache(it_.clients, { loadTimeoutMs: 100 });
    const { ask, seen } = await siteOf(express, cached, async (_req, res, run) => {
      res.set({ ETag: '"a"', 'Cache-Control': 'max-age=1' });
      if (run !== 2) return res.end(`run ${run}`);
      await sleep(300);
      return res.status(304).end();
    });
    await ask('/page');
    await sleep(1050);
    const slow = ask('/page');
    await eventually(() => expect(seen.runs).toBe(2));
    // Nobody who waited for it waits longer than the lease.
    expect((await ask('/page')).status).toBe(200);
    const late = await slow;
    expect([late.status, late.text]).toEqual([200, 'run 1']);
  });

  it('a 304 that is not complete in time never leaves to a client that has asked for all of it', async () => {
    const cached = sharedCache(it_.clients, { loadTimeoutMs: 100 });
    const { ask } = await siteOf(express, cached, async (_req, res, run) => {
      res.set({ ETag: '"a"', 'Cache-Control': 'max-age=1' });
      if (run === 1) return res.end('run 1');
      res.writeHead(304);
      await sleep(300);
      return res.end();
    });
    await ask('/page');
    await sleep(1050);
    const late = await ask('/page');
    expect([late.status, late.text]).toEqual([200, 'run 1']);
  });
});
