import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { eventually, scale } from '@turnpike/test-kit';
import { setting } from '@turnpike/test-kit/vitest';
import { describe, expect, it } from 'vitest';
import { createCodec, json } from '../../src/codec.ts';
import { metaBytes, parsedEntry } from '../../src/envelope.ts';
import { createTier } from '../../src/l1/tier.ts';
import { createMarkTable } from '../../src/mark-table.ts';
import { createPlaces } from '../../src/places.ts';
import type { Tier } from '../../src/tier.ts';

const it_ = setting();

setFlagsFromString('--expose_gc');
const collect = runInNewContext('gc') as () => void;

const CLOCK = { incarnation: 'aaaaaaaa', tickUs: 1, floorUs: 0, floorMadeUs: 0, aheadUs: 0 };

/** A tier, and what puts a value into it as a reader does. */
async function tierOf(l1MaxBytes: number) {
  const redis = it_.clients.client();
  const places = createPlaces(redis, it_.clients.prefix);
  const codec = createCodec(json);
  const marks = createMarkTable(async () => ({ clock: CLOCK, marks: [], made: [] }));
  const isClear = () => true;
  const tier = createTier({ redis, places, marks, codec, isClear }, { l1TtlMs: 3_600_000, l1MaxBytes });
  await eventually(() => expect(tier.stats().coherence).toBe('tracking'));
  const keep = (key: string, value: unknown, tags: string[] = []): void => {
    const meta = metaBytes({ stamp: { incarnation: CLOCK.incarnation, us: 1 }, tags });
    const { kind, payload } = codec.encode(value);
    const head = Buffer.from(`2-${'-'.repeat(21)}${kind}---`);
    head.writeUIntBE(9_999_999_999_999, 17, 6);
    head.writeUIntBE(meta.length, 24, 3);
    // As it comes: a part of a larger Buffer.
    const reply = Buffer.concat([head, meta, payload, Buffer.alloc(4096)]);
    const bytes = reply.subarray(0, head.length + meta.length + payload.length);
    const entry = parsedEntry(bytes);
    if (entry === undefined) throw new Error('this is no entry');
    const found = { entry, isValid: true, nowMs: 1, bytes, clock: CLOCK, fence: tier.fence() };
    tier.keep(places.of(key), { ...found, askedAt: performance.now() }, codec.decode(entry), 0);
  };
  return { tier, keep };
}

const MB = 1_048_576;

describe('a tier', () => {
  it.each<[string, (n: number) => unknown]>([
    ['small objects', (n) => ({ id: n, name: `product ${n}`, price: n * 1.01 })],
    ['texts', (n) => 'ä text '.repeat(n % 40)],
    ['lists', (n) => Array.from({ length: n % 30 }, (_, at) => ({ at, isThere: true, name: `${at}` }))],
    ['Buffers', (n) => Buffer.alloc(n % 3000, 1)],
    ['null', () => null],
  ])('keeps within its bytes, on the heap, under very many keys: %s', async (_, valueOf) => {
    const bound = scale({ quick: 8, full: 64 }) * MB;
    const { tier, keep } = await tierOf(bound);
    const held = () => {
      for (let n = 0; n < 3; n += 1) collect();
      const { heapUsed, external } = process.memoryUsage();
      return heapUsed + external;
    };
    const count = scale({ quick: 15_000, full: 1_000_000 });
    for (let n = 0; n < 1000; n += 1) keep(`warm:${n}`, valueOf(n));
    const before = held() - tier.stats().bytes;
    for (let n = 0; n < count; n += 1) keep(`product:${n}`, valueOf(n));
    const { bytes, entries } = tier.stats();
    const after = held() - before;
    expect(entries).toBeGreaterThan(100);
    expect(entries).toBeLessThan(count);
    expect(bytes).toBeLessThanOrEqual(bound);
    expect(bytes).toBeGreaterThan(0.9 * bound);
    // The estimate is not far from the truth, and on its upper side.
    expect(after).toBeLessThan(1.05 * bound + MB);
    expect(after).toBeGreaterThan(0.3 * bound);
    tier.close();
    hold(tier);
  });
});

it('a tier keeps nothing of values that are larger than all it may keep', async () => {
  const { tier, keep } = await tierOf(2000);
  const value = Buffer.alloc(3000, 1);
  const heapOf = (from: number, count: number): number => {
    for (let n = from; n < from + count; n += 1) keep(`${'k'.repeat(100)}:${n}`, value);
    collect();
    return process.memoryUsage().heapUsed;
  };
  const before = heapOf(0, 1000);
  expect(heapOf(1000, 5000) - before).toBeLessThan(MB);
  expect(tier.stats()).toMatchObject({ entries: 0, bytes: 0 });
  tier.close();
});

/** What is measured is to be there until it was. */
const hold = (_tier: Tier): void => undefined;
