import { setTimeout as sleep } from 'node:timers/promises';
import { eventually, race, runningTime, startRedis } from '@turnpike/test-kit';
import { setting } from '@turnpike/test-kit/vitest';
import { describe, expect, it } from 'vitest';
import { EXPRESSES, type Handler, type Site, appOf, gate, hitOf, serve, siteOf, zeroOptions } from './app.ts';

const it_ = setting();

const DEADLINE_MS = 50;
/** What this machine may need for a request, beside what is waited for. */
const SLACK_MS = 100;

const echoes: Handler = (req, res, run) => void res.json({ url: req.originalUrl, method: req.method, run });

/** The lower quartile: what is measured is not who else uses this machine. */
const lowerQuartile = (times: readonly number[]): number =>
  Number(times.toSorted((a, b) => a - b)[Math.floor(times.length / 4)]);

describe.each(EXPRESSES)('Redis paused, on %s', (_version, express) => {
  const site = (handler: Handler = echoes): Promise<Site> =>
    siteOf(express, zeroOptions(it_.clients, { deadlineMs: DEADLINE_MS }), handler);

  /** A site with a page that is in Redis. */
  async function warmSite(handler?: Handler): Promise<Site> {
    const one = await site(handler);
    await one.ask('/warm');
    await hitOf(one.ask, '/warm');
    return one;
  }

  it('each request is answered by its handler; the first wait a deadline, the next nothing', async () => {
    const { ask, seen } = await warmSite();
    const bare = await serve(appOf(express).use((req, res, next) => void echoes(req, res, 1, next)));
    it_.server.pause();
    const { runs } = seen;
    const firstMs = await runningTime(async () => {
      const answers = await race(20, (n) => ask(`/page/${n}`));
      for (const [n, { status, json }] of answers.entries()) {
        expect([status, json().url]).toEqual([200, `/page/${n}`]);
      }
    });
    expect(firstMs).toBeLessThan(DEADLINE_MS + SLACK_MS);
    expect(seen.runs).toBe(runs + 20);

    const [without, with_]: [number[], number[]] = [[], []];
    for (let n = 0; n < 40; n += 1) {
      without.push(await runningTime(() => bare(`/page/${n}`)));
      with_.push(
        await runningTime(async () => {
          expect((await ask(`/page/${n}`)).json().url).toBe(`/page/${n}`);
        }),
      );
    }
    expect(lowerQuartile(with_) - lowerQuartile(without)).toBeLessThan(5);
    expect(seen.runs).toBe(runs + 60);
  });

  it('every request for one page, and for one that was there, is answered', async () => {
    const { ask, seen } = await warmSite();
    it_.server.pause();
    const { runs } = seen;
    for (const path of ['/cold', '/warm']) {
      const answers = await race(30, () => ask(path));
      for (const { status, json, header } of answers) {
        expect([status, json().url]).toEqual([200, path]);
        expect(header('Cache-Status')).not.toMatch(/; hit/);
      }
    }
    expect(seen.runs).toBe(runs + 60);
  });

  it('answers stay whole: HEAD, a condition, a range, an error', async () => {
    const { ask } = await warmSite((req, res) =>
      req.path === '/error' ? res.status(500).send('sorry') : res.set('ETag', '"v1"').type('text').send('0123456789'),
    );
    it_.server.pause();
    const head = await ask('/page', { method: 'HEAD' });
    expect([head.status, head.header('Content-Length')]).toEqual([200, '10']);
    expect((await ask('/page', { headers: { 'If-None-Match': '"v1"' } })).status).toBe(304);
    const part = await ask('/page', { headers: { Range: 'bytes=0-3' } });
    expect(['0123', '0123456789']).toContain(part.text);
    expect(part.status).toBe(part.text === '0123' ? 206 : 200);
    const error = await ask('/error');
    expect([error.status, error.text]).toEqual([500, 'sorry']);
  });

  it('and on again: hits within a second, and of nothing that was made meanwhile', async () => {
    const { ask } = await warmSite();
    it_.server.pause();
    expect((await ask('/warm')).json().run).toBe(2);
    it_.server.resume();
    const resumedAt = performance.now();
    const hit = await hitOf(ask, '/warm');
    expect(performance.now() - resumedAt).toBeLessThan(1000);
    expect(hit.json().run).toBe(1);
    await ask('/cold');
    await hitOf(ask, '/cold');
  });

  it('a change is answered in time, and this process shows nobody what was before it', async () => {
    const { ask } = await warmSite();
    it_.server.pause();
    const tookMs = await runningTime(async () => {
      expect((await ask('/warm', { method: 'POST' })).json()).toMatchObject({ method: 'POST', run: 2 });
    });
    expect(tookMs).toBeLessThan(DEADLINE_MS + SLACK_MS);
    it_.server.resume();
    for (let n = 0; n < 20; n += 1) {
      expect((await ask('/warm')).json().run).toBeGreaterThan(2);
      await sleep(10);
    }
    expect((await hitOf(ask, '/warm')).json().run).toBeGreaterThan(2);
  });

  it('while a page is made that others wait for: all are answered, whether it comes back or not', async () => {
    const going = gate();
    const sites = [await warmSite(), await site()];
    const slow: Handler = async (req, res, run, next) => {
      if (run === 1) await going.opened;
      return echoes(req, res, run, next);
    };
    sites.push(await site(slow), await site(slow));
    const [one, two] = sites.slice(2) as [Site, Site];
    const first = one.ask('/page');
    await eventually(() => one.seen.runs === 1);
    const here = race(5, () => one.ask('/page'));
    const there = race(5, () => two.ask('/page'));
    await eventually(() => expect([one.seen.arrived, two.seen.arrived]).toEqual([6, 5]));
    await sleep(50);
    it_.server.pause();
    going.open();
    const answers = [await first, ...(await here), ...(await there)];
    for (const { status, json } of answers) expect([status, json().url]).toEqual([200, '/page']);
  });

  it('while a handler runs that began before: its answer leaves within a deadline', async () => {
    const going = gate();
    const { ask, seen } = await site(async (req, res, run, next) => {
      await going.opened;
      return echoes(req, res, run, next);
    });
    const answer = ask('/page');
    await eventually(() => seen.runs === 1);
    it_.server.pause();
    const tookMs = await runningTime(async () => {
      going.open();
      await answer;
    });
    expect(tookMs).toBeLessThan(DEADLINE_MS + SLACK_MS);
  });
});

describe.each(EXPRESSES)('Redis gone, on %s', (_version, express) => {
  it('at the start: handlers answer, and it caches when Redis comes', async () => {
    await using server = await startRedis();
    await server.kill();
    const redis = it_.clients.client({ host: server.host, port: server.port });
    const cached = zeroOptions({ client: () => redis, prefix: it_.clients.prefix }, { deadlineMs: DEADLINE_MS });
    const { ask } = await siteOf(express, cached, echoes);
    const tookMs = await runningTime(async () => {
      expect((await ask('/page')).json().run).toBe(1);
    });
    expect(tookMs).toBeLessThan(DEADLINE_MS + SLACK_MS);
    await server.restart();
    await hitOf(ask, '/page');
  });

  it('and back empty, under load: no request fails, and none waits for it', async () => {
    await using server = await startRedis();
    const redis = it_.clients.client({ host: server.host, port: server.port });
    const cached = zeroOptions({ client: () => redis, prefix: it_.clients.prefix }, { deadlineMs: DEADLINE_MS });
    const { ask } = await siteOf(express, cached, echoes);
    const ending = new AbortController();
    const took: number[] = [];
    const traffic = race(10, async (client) => {
      while (!ending.signal.aborted) {
        const path = `/page/${client % 3}`;
        const sent = client === 0 ? { method: 'POST' } : {};
        took.push(
          await runningTime(async () => {
            const { status, json } = await ask(path, sent);
            expect([status, json().url]).toEqual([200, path]);
          }),
        );
        await sleep(5);
      }
    });
    await sleep(50);
    await server.kill();
    await sleep(50);
    await server.restart();
    await eventually(() => expect(redis.status).toBe('ready'));
    await hitOf(ask, '/quiet');
    ending.abort();
    await traffic;
    expect(Math.max(...took)).toBeLessThan(1000);
  });
});

describe.each(EXPRESSES)('Redis that is there, but of no use, on %s', (_version, express) => {
  const warm = async (): Promise<Site> => {
    const one = await siteOf(express, zeroOptions(it_.clients), echoes);
    await one.ask('/page?a=1');
    await hitOf(one.ask, '/page?a=1');
    return one;
  };

  it.each(['nonsense', '', '1------', '\0'.repeat(100)])(
    'since what it holds is %j: handlers answer, and it is replaced',
    async (text) => {
      const { ask, seen } = await warm();
      const redis = it_.clients.client();
      for (const key of await it_.clients.scan()) {
        if ((await redis.type(key)) === 'string') await redis.set(key, text, 'PX', 60_000);
      }
      const { status, json } = await ask('/page?a=1');
      expect([status, json().run]).toEqual([200, seen.runs]);
      expect((await hitOf(ask, '/page?a=1')).json().run).toBeGreaterThan(1);
    },
  );

  it('since half of each page has gone: handlers answer', async () => {
    const { ask } = await warm();
    const redis = it_.clients.client();
    for (const key of await it_.clients.scan()) {
      if ((await redis.type(key)) !== 'string') continue;
      const value = (await redis.getBuffer(key)) ?? Buffer.alloc(0);
      if (value.includes('"url"')) await redis.set(key, value.subarray(0, value.length - 20), 'PX', 60_000);
    }
    const { status, json } = await ask('/page?a=1');
    expect([status, json().url]).toEqual([200, '/page?a=1']);
  });

  it('since it is full: every request is answered, and none waits', async () => {
    const { ask } = await warm();
    const redis = it_.clients.client();
    await redis.config('SET', 'maxmemory', '1');
    try {
      const tookMs = await runningTime(async () => {
        const answers = await race(20, (n) => ask(`/page/${n % 4}`));
        for (const [n, { status, json }] of answers.entries())
          expect([status, json().url]).toEqual([200, `/page/${n % 4}`]);
        expect((await ask('/page?a=1', { method: 'POST' })).status).toBe(200);
      });
      expect(tookMs).toBeLessThan(1000);
    } finally {
      await redis.config('SET', 'maxmemory', '0');
    }
    await ask('/page');
    await hitOf(ask, '/page');
  });
});
