import { createCache } from 'async-cache-dedupe';
import type { Contender } from '../../harness/contender.ts';
import { connected } from '../client.ts';
import { TAGS, ttlMsOf } from './product.ts';
import { dataApp } from './routes.ts';

/** As its README has it: in Redis, or (the variant 'l1') in memory, which no other process shares. */
export const contender: Contender = async ({ redis: address, variant }) => {
  const seconds = ttlMsOf(variant) / 1000;
  const client = await connected(address);
  const tagged = variant === 'tagged';
  const inRedis = { client, ...(tagged && { invalidation: { referencesTTL: seconds } }) };
  const cache = createCache({
    ttl: seconds,
    storage: variant === 'l1' ? { type: 'memory' } : { type: 'redis', options: inRedis },
  });
  return dataApp((load) => {
    const products = cache.define('product', tagged ? { references: () => [...TAGS] } : {}, load);
    return { get: (id) => products.product(id), invalidate: (id) => cache.clear('product', id) };
  });
};
