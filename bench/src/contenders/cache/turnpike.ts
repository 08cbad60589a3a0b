import { createCache } from '@turnpike/cache-aside';
import { l1 } from '@turnpike/cache-aside/l1';
import type { Contender } from '../../harness/contender.ts';
import { DEADLINE_MS, connected } from '../client.ts';
import { type Product, TAGS, ttlMsOf } from './product.ts';
import { bytesApp, dataApp } from './routes.ts';

const tagsOf = (variant: string): readonly string[] => {
  const count = /^tags (\d+)$/.exec(variant)?.[1];
  return count === undefined ? TAGS : Array.from({ length: Number(count) }, (_, n) => `category-${n}`);
};

/** The variants: 'json', 'l1' with the tier in the process, 'tagged', 'tags <number>', and 'bytes', which stay Buffers. */
export const contender: Contender = async ({ redis: address, variant }) => {
  const redis = await connected(address);
  const cache = createCache({
    redis,
    ttlMs: ttlMsOf(variant),
    deadlineMs: DEADLINE_MS,
    ...(variant === 'l1' && { l1: l1() }),
  });
  const invalidate = (id: string): Promise<unknown> => cache.invalidate({ keys: [`product:${id}`] });
  if (variant === 'bytes') {
    return bytesApp((load) => ({ get: (id) => cache.getOrLoad<Buffer>(`product:${id}`, () => load(id)), invalidate }));
  }
  const options = /^(json|l1)/.test(variant) ? {} : { tags: tagsOf(variant) };
  return dataApp((load) => ({
    get: (id) => cache.getOrLoad<Product>(`product:${id}`, () => load(id), options),
    invalidate,
  }));
};
