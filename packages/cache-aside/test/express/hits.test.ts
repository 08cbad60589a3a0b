import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '@turnpike/test-kit';
import { setting } from '@turnpike/test-kit/vitest';
import type { RequestHandler } from 'express';
import { describe, expect, it, onTestFinished } from 'vitest';
import { parsedEntry } from '../../src/envelope.ts';
import { cacheResponse } from '../../src/express/index.ts';
import { createCache } from '../../src/index.ts';
import { EXPRESSES, hitOf, siteOf } from './app.ts';

const it_ = setting();

describe.each(EXPRESSES)('a page that is there, on %s', (_, express) => {
  const cacheOf = (more: { ttlMs: number; beta?: number }) => {
    const cache = createCache({ redis: it_.clients.client(), prefix: it_.clients.prefix, deadlineMs: 5000, ...more });
    onTestFinished(() => cache.close());
    return cache;
  };

  it('and cannot be read is rendered once more, and is counted once', async () => {
    const cache = cacheOf({ ttlMs: 60_000 });
    const { ask, seen } = await siteOf(express, cacheResponse({ cache }), (_req, res, run) => res.send(`page ${run}`));
    await ask('/page');
    await hitOf(ask, '/page');
    const redis = it_.clients.client();
    const [key = ''] = await it_.clients.scan('*:page');
    const bytes = (await redis.getBuffer(key)) ?? Buffer.alloc(0);
    // As it was written, up to where its page begins.
    bytes.fill(0, bytes.length - (parsedEntry(bytes)?.payload.length ?? 0));
    await redis.set(key, bytes, 'KEEPTTL');
    expect((await ask('/page')).text).toBe('page 2');
    expect((await hitOf(ask, '/page')).text).toBe('page 2');
    expect([seen.runs, cache.stats().corrupt]).toEqual([2, 1]);
  });

  it('is now and then rendered anew before it expires, by one whose client does not wait for it', async () => {
    // By this much, nearly each who finds it draws that it is time.
    const cache = cacheOf({ ttlMs: 5000, beta: 100 });
    const { ask, seen } = await siteOf(express, cacheResponse({ cache }), async (_req, res, run) => {
      await sleep(30);
      res.send(`page ${run}`);
    });
    await ask('/page');
    await eventually(async () => {
      await hitOf(ask, '/page');
      expect(cache.stats().early).toBeGreaterThan(0);
    });
    expect(seen.runs).toBeGreaterThan(1);
    await eventually(async () => expect((await hitOf(ask, '/page')).text).not.toBe('page 1'));
  });

  it('is rendered once behind caches that are mounted twice, and inside of one another', async () => {
    const outer = cacheResponse({ cache: cacheOf({ ttlMs: 60_000 }), query: ['a'] });
    const inner = cacheResponse({ cache: cacheOf({ ttlMs: 60_000 }) }) as RequestHandler;
    const { ask, seen } = await siteOf(express, outer, (_req, res, run) => res.send(`page ${run}`), {
      inside: [inner, outer as RequestHandler, inner],
    });
    expect((await ask('/page?a=1&b=1')).header('Cache-Status')).toBe('turnpike; fwd=uri-miss, turnpike; fwd=uri-miss');
    expect((await hitOf(ask, '/page?a=1&b=2')).text).toBe('page 1');
    expect(seen.runs).toBe(1);
  });
});
