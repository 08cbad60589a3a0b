import { setting } from '@turnpike/test-kit/vitest';
import { describe, expect, it } from 'vitest';
import { EXPRESSES, type Handler, hitOf, siteOf } from '../express/app.ts';
import { sharedCache } from './app.ts';

const it_ = setting();

/** Answers a question of the cache as an origin does: 304 to who has this version. */
const versioned =
  (version: string, headers: Record<string, string>): Handler =>
  (req, res, run) => {
    res.set({ ETag: `"${version}"`, 'X-Run': String(run), ...headers });
    if (req.headers['if-none-match'] === `"${version}"`) res.status(304).end();
    else res.type('text').send(`version ${version}, run ${run}`);
  };

describe.each(EXPRESSES)('a shared cache on %s', (_version, express) => {
  it('asks the handler whether a no-cache answer still holds, and gives it with the header fields of the 304 (§4.3)', async () => {
    const { ask, seen } = await siteOf(
      express,
      sharedCache(it_.clients),
      versioned('a', { 'Cache-Control': 'no-cache' }),
    );
    const first = await ask('/page');
    expect([first.status, first.text, first.header('X-Run')]).toEqual([200, 'version a, run 1', '1']);
    const second = await ask('/page');
    expect([second.status, second.text, second.header('X-Run')]).toEqual([200, 'version a, run 1', '2']);
    expect(second.header('Cache-Status')).toBe('turnpike; fwd=stale; fwd-status=304; stored');
    expect(seen.runs).toBe(2);
  });

  it('gives what is fresh, with its age', async () => {
    const { ask, seen } = await siteOf(
      express,
      sharedCache(it_.clients),
      versioned('a', { 'Cache-Control': 'max-age=60' }),
    );
    await ask('/page');
    const hit = await hitOf(ask, '/page');
    expect([hit.text, hit.header('Age'), seen.runs]).toEqual(['version a, run 1', '0', 1]);
  });
});
