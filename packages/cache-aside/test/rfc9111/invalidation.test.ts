import { eventually } from '@turnpike/test-kit';
import { setting } from '@turnpike/test-kit/vitest';
import type { RequestHandler } from 'express';
import { describe, expect, it } from 'vitest';
import { type Ask, EXPRESSES, appOf, hitOf, serve } from '../express/app.ts';
import { sharedCache } from './app.ts';

const it_ = setting();

describe.each(EXPRESSES)('an unsafe method, on %s', (_version, express) => {
  /** Pages that count their runs; whatever changes answers as it is told to. */
  async function site(): Promise<Ask> {
    const app = appOf(express);
    let runs = 0;
    app.use(sharedCache(it_.clients) as RequestHandler);
    app.use((req, res) => {
      if (req.method !== 'GET') {
        for (const name of ['location', 'content-location']) {
          const said = req.get(`x-says-${name}`);
          if (said !== undefined) res.set(name, said);
        }
        return res.status(Number(req.get('x-says-status') ?? 200)).end();
      }
      runs += 1;
      return res.set('Cache-Control', 'max-age=60').end(`run ${runs}`);
    });
    return serve(app);
  }

  const isDropped = async (
    ask: Ask,
    path: string,
    method: string,
    headers: Record<string, string>,
  ): Promise<boolean> => {
    await ask(path);
    const { text } = await hitOf(ask, path);
    await ask('/changed', { method, headers });
    return (await ask(path)).text !== text;
  };

  it.each(['POST', 'PUT', 'PATCH', 'DELETE', 'M-SEARCH'])(
    '%s drops its own URL, before it is answered (§4.4)',
    async (method) => {
      expect(await isDropped(await site(), '/changed', method, {})).toBe(true);
    },
  );

  it.each<[what: string, headers: Record<string, string>]>([
    ['Location', { 'X-Says-Location': '/other', 'X-Says-Status': '201' }],
    ['Location in full', { 'X-Says-Location': 'http://test/other' }],
    ['Content-Location', { 'X-Says-Content-Location': 'other' }],
  ])('drops what its answer names as %s', async (_what, headers) => {
    expect(await isDropped(await site(), '/other', 'POST', headers)).toBe(true);
  });

  it.each<[what: string, path: string, headers: Record<string, string>]>([
    ['its own URL, where it was refused', '/changed', { 'X-Says-Status': '404' }],
    ['its own URL, where it failed', '/changed', { 'X-Says-Status': '500' }],
    ['what a refusal names', '/other', { 'X-Says-Status': '409', 'X-Says-Location': '/other' }],
    ['what is of another origin', '/other', { 'X-Says-Location': 'http://elsewhere/other' }],
  ])('does not drop %s', async (_what, path, headers) => {
    expect(await isDropped(await site(), path, 'POST', headers)).toBe(false);
  });

  it.each(['OPTIONS', 'HEAD'])('is not %s', async (method) => {
    expect(await isDropped(await site(), '/changed', method, {})).toBe(false);
  });

  it('drops what a run brings that began before it', async () => {
    const app = appOf(express);
    let state = 'old';
    let goOn: () => void = () => undefined;
    const going = new Promise<void>((resolve) => (goOn = resolve));
    app.use(sharedCache(it_.clients) as RequestHandler);
    app.use(async (req, res) => {
      const read = state;
      if (req.method === 'PUT') state = 'new';
      else if (req.headers['x-slow'] !== undefined) await going;
      res.set('Cache-Control', 'max-age=60').end(read);
    });
    const ask = await serve(app);
    // It has a run of its own, which no lease guards: its stamp does.
    const slow = ask('/page', { headers: { 'X-Slow': '1', 'Cache-Control': 'no-cache' } });
    await eventually(async () => expect((await ask('/other')).status).toBe(200));
    await ask('/page', { method: 'PUT' });
    goOn();
    expect((await slow).text).toBe('old');
    for (let n = 0; n < 5; n += 1) expect((await ask('/page')).text).toBe('new');
  });
});
