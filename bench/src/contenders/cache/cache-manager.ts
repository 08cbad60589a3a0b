import KeyvRedis from '@keyv/redis';
import { createCache } from 'cache-manager';
import { CacheableMemory } from 'cacheable';
import { Keyv } from 'keyv';
import type { Contender } from '../../harness/contender.ts';
import { ttlMsOf } from './product.ts';
import { dataApp } from './routes.ts';

/** As its README has it: Redis, or (the variant 'l1') memory before it. */
export const contender: Contender = async ({ redis: { host, port }, variant }) => {
  const ttl = ttlMsOf(variant);
  const redis = new Keyv({ store: new KeyvRedis(`redis://${host}:${port}`) });
  const memory = new Keyv({ store: new CacheableMemory({ ttl, lruSize: 5000 }) });
  const cache = createCache({ stores: variant === 'l1' ? [memory, redis] : [redis], ttl });
  return dataApp((load) => ({
    get: (id) => cache.wrap(`product:${id}`, () => load(id)),
    invalidate: (id) => cache.del(`product:${id}`),
  }));
};
