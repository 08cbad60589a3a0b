import { createCache } from '@turnpike/cache-aside';
import { l1 } from '@turnpike/cache-aside/l1';
import type { Contender } from '../../harness/contender.ts';
import { DEADLINE_MS, connected } from '../client.ts';
import { type Product, LARGE, tagsOf, ttlMsOf } from './product.ts';
import { bytesApp, dataApp } from './routes.ts';

/** The variants: 'json', 'l1' with the tier in the process, 'tagged', 'large', and 'bytes', which stay Buffers. */
export const contender: Contender = async ({ redis: address, variant }) => {
  const redis = await connected(address);
  const cache = createCache({
    redis,
    ttlMs: ttlMsOf(variant),
    deadlineMs: DEADLINE_MS,
    ...(variant === 'l1' && { l1: l1() }),
    ...(variant === 'large' && LARGE),
  });
  const invalidate = (id: string): Promise<unknown> => cache.invalidate({ keys: [`product:${id}`] });
  if (variant === 'bytes') {
    return bytesApp((load) => ({ get: (id) => cache.getOrLoad<Buffer>(`product:${id}`, () => load(id)), invalidate }));
  }
  return dataApp((load) => ({
    get: (id) =>
      cache.getOrLoad<Product>(`product:${id}`, () => load(id), variant === 'tagged' ? { tags: tagsOf(id) } : {}),
    invalidate,
  }));
};
