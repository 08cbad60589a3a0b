import KeyvRedis from '@keyv/redis';
import { Cacheable } from 'cacheable';
import type { Contender } from '../../harness/contender.ts';
import { type Product, TAGS, ttlMsOf } from './product.ts';
import { dataApp } from './routes.ts';

/** As its README has it: memory and Redis (the variant 'l1'); or Redis as its first and only store. */
export const contender: Contender = async ({ redis: { host, port }, variant }) => {
  const redis = new KeyvRedis(`redis://${host}:${port}`);
  const ttl = ttlMsOf(variant);
  const tagged = variant === 'tagged';
  const cache = new Cacheable({
    ...(variant === 'l1' ? { secondary: redis } : { primary: redis }),
    ttl,
    tags: tagged,
  });
  return dataApp((load) => ({
    async get(id) {
      const key = `product:${id}`;
      if (!tagged) return (await cache.getOrSet(key, () => load(id))) as Product;
      // getOrSet takes no tags.
      const found = await cache.get<Product>(key);
      if (found !== undefined) return found;
      const product = await load(id);
      await cache.set(key, product, { tags: [...TAGS] });
      return product;
    },
    invalidate: (id) => cache.delete(`product:${id}`),
  }));
};
