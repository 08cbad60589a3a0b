import { setImmediate } from 'node:timers/promises';
import type { Socket } from 'node:net';
import { ifClientHas } from '@turnpike/test-kit';
import { setting } from '@turnpike/test-kit/vitest';
import { expect, it } from 'vitest';
import { createCache } from '../src/index.ts';

const it_ = setting();

it('what is asked for later in a turn leaves at its end, and not a turn later', ifClientHas('stream'), async () => {
  const redis = it_.clients.client();
  const cache = createCache({ redis, prefix: it_.clients.prefix, ttlMs: 60_000 });
  await cache.getOrLoad('a', () => 1);
  await cache.getOrLoad('b', () => 1);
  await setImmediate();
  const { stream } = redis as unknown as { stream: Socket };
  const first = cache.getOrLoad('a', () => 2);
  await Promise.resolve();
  await Promise.resolve();
  const written = stream.bytesWritten;
  const later = cache.getOrLoad('b', () => 2);
  await setImmediate();
  expect(stream.writableCorked).toBe(0);
  expect(stream.bytesWritten).toBeGreaterThan(written);
  expect(await Promise.all([first, later])).toEqual([1, 1]);
  cache.close();
});
