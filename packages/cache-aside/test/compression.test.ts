import { createHook } from 'node:async_hooks';
import { randomBytes } from 'node:crypto';
import { gzipSync, deflateSync } from 'node:zlib';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '@turnpike/test-kit';
import { setting } from '@turnpike/test-kit/vitest';
import express from 'express';
import { describe, expect, it, onTestFinished } from 'vitest';
import { parsedEntry } from '../src/envelope.ts';
import { cacheResponse } from '../src/express/index.ts';
import { type CacheOptions, createCache } from '../src/index.ts';
import { hitOf, siteOf } from './express/app.ts';

const it_ = setting();

/** One process's cache: a client of its own. */
async function here(more: Partial<CacheOptions> = {}) {
  const redis = it_.clients.client();
  await redis.ping();
  return createCache({ redis, prefix: it_.clients.prefix, ttlMs: 60_000, deadlineMs: 5000, ...more });
}

const keyOf = (key: string) => `${it_.clients.prefix}:v1:cache-aside:{${key}}`;
const bytesOf = async (key: string) => (await it_.clients.client().getBuffer(keyOf(key))) ?? Buffer.alloc(0);
const entryOf = async (key: string) => parsedEntry(await bytesOf(key));
const stored = (cache: Awaited<ReturnType<typeof here>>, count = 1) =>
  eventually(() => expect(cache.stats().stored).toBeGreaterThanOrEqual(count));

/** Without a word on where they differ: of large Buffers that takes seconds. */
function expectSame(read: unknown, value: unknown): void {
  if (Buffer.isBuffer(value)) expect(value.equals(read as Buffer)).toBe(true);
  else expect(read).toEqual(value);
}

/** As much as rows have in common. */
const products = (count: number) =>
  Array.from({ length: count }, (_, id) => ({ id, name: `product ${id}`, tags: ['red', 'blue'], inStock: id % 3 > 0 }));

/** What of an entry is the value. */
async function changeValue(key: string, change: (payload: Buffer) => Buffer): Promise<void> {
  const bytes = await bytesOf(key);
  const head = bytes.length - (parsedEntry(bytes)?.payload.length ?? 0);
  const changed = Buffer.concat([bytes.subarray(0, head), change(Buffer.from(bytes.subarray(head)))]);
  await it_.clients.client().set(keyOf(key), changed, 'KEEPTTL');
}

describe('compressAboveBytes', () => {
  const json = products(50);
  const large = products(2000);
  const bytes = Buffer.from(JSON.stringify(large));
  /** Also when it is compressed. */
  const larger = products(10_000);

  it.each([
    ['JSON', 'j', json],
    ['JSON that is large', 'j', large],
    ['a Buffer', 'b', Buffer.from(JSON.stringify(json))],
    ['a Buffer that is large', 'b', bytes],
  ])('stores %s compressed, which caches with the option and without read as it was', async (_, kind, value) => {
    const [one, two, plain] = [
      await here({ compressAboveBytes: 1000 }),
      await here({ compressAboveBytes: 1e6 }),
      await here(),
    ];
    expectSame(await one.getOrLoad('k', () => value as typeof large), value);
    await stored(one);
    const entry = await entryOf('k');
    expect(entry?.kind).toBe(kind);
    const whole = Buffer.isBuffer(value) ? value.length : JSON.stringify(value).length;
    expect(entry?.payload.length).toBeLessThan(whole / 3);
    for (const cache of [one, two, plain]) {
      const read = await cache.getOrLoad('k', () => [] as typeof large);
      expectSame(read, value);
      expect(Object.isFrozen(read)).toBe(!Buffer.isBuffer(value));
      expect(cache.stats()).toMatchObject({ hit: 1, corrupt: 0 });
    }
  });

  it.each([
    ['none', undefined, 'x'.repeat(5000)],
    ['what is not larger', 5002, 'x'.repeat(5000)],
    ['what does not shrink', 0, randomBytes(5000)],
    ['what does not shrink and is large', 0, randomBytes(50_000)],
  ])('leaves as it is: %s', async (_, compressAboveBytes, value) => {
    const cache = await here(compressAboveBytes === undefined ? {} : { compressAboveBytes });
    await cache.getOrLoad('k', () => value as string);
    await stored(cache);
    expect((await entryOf('k'))?.kind).toBe(Buffer.isBuffer(value) ? 'B' : 'J');
    expectSame(await cache.getOrLoad('k', () => ''), value);
  });

  it('bounds what is stored by its size before, which is maxBytes', async () => {
    const cache = await here({ compressAboveBytes: 100, maxBytes: 1000 });
    await cache.getOrLoad('fits', () => 'x'.repeat(998));
    await cache.getOrLoad('not', () => 'x'.repeat(999));
    await stored(cache);
    expect((await entryOf('fits'))?.payload.length).toBeLessThan(100);
    expect(cache.stats()).toMatchObject({ stored: 1, refused: 1 });
  });

  it.each([
    ['a changed byte', (payload: Buffer) => payload.fill(payload[20] === 0 ? 1 : 0, 20, 21)],
    ['half of it', (payload: Buffer) => payload.subarray(0, payload.length / 2)],
    ['something else', () => Buffer.from('nonsense')],
    ['nothing', () => Buffer.alloc(0)],
    ['10 MB of nothing, in 10 kB', () => deflateSync(Buffer.alloc(10_000_000))],
    ['a little over maxBytes', () => deflateSync(Buffer.from(`"${'x'.repeat(1_048_575)}"`))],
  ])('takes for absent, and replaces, what is broken: %s', async (_, change) => {
    const [one, two] = [await here({ compressAboveBytes: 100 }), await here()];
    await one.getOrLoad('k', () => json);
    await stored(one);
    await changeValue('k', change);
    expect(await two.getOrLoad('k', () => 'new')).toBe('new');
    expect(two.stats()).toMatchObject({ corrupt: 1, load: 1, hit: 0 });
    await stored(two);
    expect(await one.getOrLoad('k', () => [])).toBe('new');
  });

  it('keeps a compressed value while it is loaded anew, and when that fails', async () => {
    const cache = await here({ compressAboveBytes: 100, ttlMs: 20, staleMs: 30, staleIfErrorMs: 60_000 });
    await cache.getOrLoad('k', () => json);
    await stored(cache);
    const failing = (): typeof json => {
      throw new Error('gone');
    };
    await sleep(25);
    for (let n = 0; n < 5; n += 1) {
      expect(await cache.getOrLoad('k', failing)).toEqual(json);
      await sleep(20);
    }
    expect((await entryOf('k'))?.kind).toBe('j');
    expect(cache.stats().failed).toBeGreaterThan(0);
  });

  it('compresses what a write sets over a compressed value of a lower version', async () => {
    const cache = await here({ compressAboveBytes: 100 });
    await cache.getOrLoad('k', ({ version }) => {
      version(1);
      return json;
    });
    await stored(cache);
    const write = (to: number) =>
      cache.writeThrough('k', ({ version }) => {
        version(to);
        return products(60 + to);
      });
    for (const to of [3, 2]) await write(to);
    expect(await entryOf('k')).toMatchObject({ kind: 'j', version: 3 });
    expect(await cache.getOrLoad('k', () => [])).toEqual(products(63));
  });

  it('leaves a large value to another thread, to compress it and to read it, and does a small one at once', async () => {
    const [one, two] = [await here({ compressAboveBytes: 100 }), await here()];
    const handles = new Set<number>();
    let elsewhere = 0;
    const hook = createHook({
      init: (id, type) => void (type === 'ZLIB' && handles.add(id)),
      before: (id) => void (handles.has(id) && (elsewhere += 1)),
    }).enable();
    onTestFinished(() => void hook.disable());
    await one.getOrLoad('small', () => json);
    await stored(one);
    expect(await two.getOrLoad('small', () => [])).toEqual(json);
    expect(handles.size).toBe(2);
    expect(elsewhere).toBe(0);
    await one.getOrLoad('large', () => larger);
    await stored(one, 2);
    expect(elsewhere).toBeGreaterThan(0);
    const before = elsewhere;
    expect((await two.getOrLoad('large', () => [])).length).toBe(larger.length);
    expect(elsewhere).toBeGreaterThan(before);
  });

  it.each([-1, 1.5, '1kb', null, 1e9])('%s is no size', (compressAboveBytes) => {
    expect(() =>
      createCache({ redis: it_.clients.client(), ttlMs: 1, compressAboveBytes: compressAboveBytes as number }),
    ).toThrow(expect.objectContaining({ code: 'ERR_TURNPIKE_OPTION' }));
  });
});

describe('pages', () => {
  it.each([
    ['a plain page compressed', 'b', '/plain'],
    ['a page that is encoded as it is', 'B', '/encoded'],
    ['a page of one variant compressed', 'b', '/varied'],
  ])('store %s, and give it again byte for byte', async (_, kind, path) => {
    const cache = await here({ compressAboveBytes: 1000 });
    const { ask } = await siteOf(express, cacheResponse({ cache }), (req, res) => {
      // What would shrink further, if it were tried.
      if (req.path === '/encoded') res.set('Content-Encoding', 'gzip').end(gzipSync('ä'.repeat(50_000), { level: 0 }));
      else {
        if (req.path === '/varied') res.vary('Accept-Language');
        res.type('text').send('ä'.repeat(50_000));
      }
    });
    const headers = { 'Accept-Encoding': 'gzip', 'Accept-Language': 'de' };
    const first = await ask(path, { headers });
    const hit = await hitOf(ask, path, { headers });
    expectSame(hit.body, first.body);
    const keys = await it_.clients.scan('*:page*');
    const sizes = await Promise.all(keys.map(async (key) => it_.clients.client().getBuffer(key)));
    const largest = sizes
      .map((one) => parsedEntry(one as Buffer))
      .toSorted((a, b) => (b?.payload.length ?? 0) - (a?.payload.length ?? 0))[0];
    expect(largest?.kind).toBe(kind);
  });
});
