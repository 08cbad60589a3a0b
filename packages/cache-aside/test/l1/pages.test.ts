import type { ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Middleware } from '@turnpike/core';
import { countCommands, eventually } from '@turnpike/test-kit';
import { setting } from '@turnpike/test-kit/vitest';
import { afterEach, describe, expect, it } from 'vitest';
import { parsedEntry } from '../../src/envelope.ts';
import { cacheResponse } from '../../src/express/index.ts';
import { unpack } from '../../src/express/page.ts';
import type { Cache } from '../../src/index.ts';
import { rfc9111 } from '../../src/rfc9111/index.ts';
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

  it('are not changed by what is done to one answer on its way', async () => {
    const { cache } = await cacheWithTier(it_.clients.client(), { prefix: it_.clients.prefix });
    caches.push(cache);
    const cached = cacheResponse({ cache, scope: 'public' });
    const spoiling: typeof cached = Object.assign<Middleware, typeof cached>((req, res, next) => {
      const { writeHead, end } = res;
      res.writeHead = ((...args: unknown[]) => {
        if (req.headers['x-spoil'] !== undefined) res.appendHeader('Link', '</c>');
        return Reflect.apply(writeHead, res, args) as ServerResponse;
      }) as ServerResponse['writeHead'];
      res.end = ((chunk: unknown, ...rest: unknown[]) => {
        if (req.headers['x-spoil'] !== undefined && chunk instanceof Uint8Array) chunk.fill(0);
        return Reflect.apply(end, res, [chunk, ...rest]) as ServerResponse;
      }) as ServerResponse['end'];
      return cached(req, res, next);
    }, cached);
    const { ask } = await siteOf(express, spoiling, (_req, res) => {
      res.set('Link', ['</a>', '</b>']).send('0123456789');
    });
    await eventually(async () => {
      await ask('/page');
      expect(cache.stats().l1?.hits).toBeGreaterThan(1);
    });
    const spoilt = await ask('/page', { headers: { 'X-Spoil': '1' } });
    expect([spoilt.text, spoilt.header('link')]).toEqual(['\0'.repeat(10), '</a>, </b>, </c>']);
    const next = await ask('/page');
    expect([next.text, next.header('link')]).toEqual(['0123456789', '</a>, </b>']);
  });
});

it.each(EXPRESSES)(
  'a page that is asked for anew, on %s, is born when it was, and not later by what one was kept for',
  async (_, express) => {
    const redis = it_.clients.client();
    const { cache } = await cacheWithTier(redis, { prefix: it_.clients.prefix });
    caches.push(cache);
    const { ask } = await siteOf(express, cacheResponse({ cache, profile: rfc9111() }), (_req, res, run) => {
      res.set({ 'Cache-Control': 'max-age=100', ETag: `"${run}"` }).send(`run ${run}`);
    });
    const isNear = async () => {
      const before = cache.stats().l1?.hits ?? 0;
      await ask('/page');
      expect(cache.stats().l1?.hits).toBeGreaterThan(before);
    };
    await eventually(isNear);
    await sleep(300); // so long it is kept
    await ask('/page', { headers: { 'Cache-Control': 'no-cache' } });
    const stored = async () => {
      const [key = ''] = await it_.clients.scan('*:page');
      const entry = parsedEntry((await redis.getBuffer(key)) ?? Buffer.alloc(0));
      const page = entry && unpack(entry.payload);
      return page?.kind === 'page' ? page.page : undefined;
    };
    await eventually(async () => expect((await stored())?.recording.body?.toString()).toBe('run 2'), { everyMs: 5 });
    const [seconds, micros] = await redis.time();
    expect((await stored())?.bornMs).toBeLessThanOrEqual(Number(seconds) * 1000 + Number(micros) / 1000 + 1);
  },
);
