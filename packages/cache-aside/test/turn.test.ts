import { setImmediate } from 'node:timers/promises';
import { setting } from '@turnpike/test-kit/vitest';
import { expect, it } from 'vitest';
import { createCache } from '../src/index.ts';

const it_ = setting();

it('what is asked for leaves at the end of the turn in which it is asked for', async () => {
  const redis = it_.clients.client();
  await redis.ping();
  const cache = createCache({ redis, prefix: it_.clients.prefix, ttlMs: 60_000 });
  await cache.getOrLoad('k', () => 1);
  await setImmediate();
  const { bytesWritten } = redis.stream as unknown as { bytesWritten: number };
  const asked = cache.getOrLoad('k', () => 2);
  await setImmediate();
  await Promise.resolve();
  expect((redis.stream as unknown as { writableCorked: number }).writableCorked).toBe(0);
  expect((redis.stream as unknown as { bytesWritten: number }).bytesWritten).toBeGreaterThan(bytesWritten);
  await asked;
  cache.close();
});
