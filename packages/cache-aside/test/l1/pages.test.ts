import { countCommands, eventually } from '@turnpike/test-kit';
import { setting } from '@turnpike/test-kit/vitest';
import { afterEach, describe, expect, it } from 'vitest';
import { cacheResponse } from '../../src/express/index.ts';
import type { Cache } from '../../src/index.ts';
import { EXPRESSES, type Handler, siteOf } from '../express/app.ts';
import { cacheWithTier } from './near.ts';

const it_ = setting();
const caches: Cache[] = [];
afterEach(() => {
  for (const cache of caches.splice(0)) cache.close();
});

describe.each(EXPRESSES)('pages of a tier, on %s', (_, express) => {
  async function site(handler: Handler) {
    const { cache } = await cacheWithTier(it_.clients.client(), { prefix: it_.clients.prefix });
    caches.push(cache);
    const { ask, seen } = await siteOf(
      express,
      cacheResponse({ cache, scope: 'public', tags: () => ['pages'] }),
      handler,
    );
    /** Resolves once the page of `path` is given out without a command. */
    const near = (path: string, headers: Record<string, string> = {}) =>
      eventually(async () => {
        const before = cache.stats().l1?.hits ?? 0;
        await ask(path, { headers });
        expect(cache.stats().l1?.hits).toBeGreaterThan(before);
      });
    return { cache, ask, seen, near };
  }

  it('are given out without a command: whole, as a part, as a head, and as not modified', async () => {
    const { ask, seen, near } = await site((_req, res) => res.set('ETag', '"1"').send('0123456789'));
    await near('/page');
    expect(
      await countCommands(it_.server, async () => {
        const whole = await ask('/page');
        expect(whole.text).toBe('0123456789');
        expect(whole.header('cache-status')).toMatch(/^turnpike; hit; ttl=\d+$/);
        expect(Number(whole.header('age'))).toBeLessThan(5);
        expect((await ask('/page', { headers: { Range: 'bytes=2-4' } })).text).toBe('234');
        expect((await ask('/page', { method: 'HEAD' })).header('content-length')).toBe('10');
        expect((await ask('/page', { headers: { 'If-None-Match': '"1"' } })).status).toBe(304);
      }),
    ).toEqual([]);
    expect(seen.runs).toBe(1);
  });

  it('are those of their variant, and are gone when they are invalidated: by a tag, by a write to their path', async () => {
    const { ask, cache, near } = await site((req, res, run) => {
      res.vary('Accept-Language').send(`${req.get('accept-language')} ${run}`);
    });
    const [german, french] = [{ 'Accept-Language': 'de' }, { 'Accept-Language': 'fr' }];
    const textOf = async (headers: Record<string, string>) => (await ask('/page', { headers })).text;
    await near('/page', german);
    await near('/page', french);
    expect([await textOf(german), await textOf(french)]).toEqual(['de 1', 'fr 2']);
    await cache.invalidate({ tags: ['pages'] });
    expect(await textOf(german)).toBe('de 3');
    await near('/page', german);
    await ask('/page', { method: 'PUT' });
    expect(await textOf(german)).toBe('de 5');
  });

  it('are not changed by what one client gets of them', async () => {
    const { ask, near } = await site((_req, res) => res.json({ a: 'b'.repeat(2000) }));
    await near('/page');
    const texts = await Promise.all(Array.from({ length: 20 }, async () => (await ask('/page')).text));
    expect(new Set(texts)).toEqual(new Set([JSON.stringify({ a: 'b'.repeat(2000) })]));
  });
});
