import type { Contender } from '../../harness/contender.ts';
import { connected } from '../client.ts';
import { type Product, ttlMsOf } from './product.ts';
import { bytesApp, dataApp } from './routes.ts';

/** By hand: GET, and SET after a load; of JSON, or (the variant 'bytes') of bytes that are answered as they are. */
export const contender: Contender = async ({ redis: address, variant }) => {
  const redis = await connected(address);
  const ttlMs = ttlMsOf(variant);
  const invalidate = (id: string): Promise<unknown> => redis.del(`product:${id}`);
  if (variant === 'bytes') {
    return bytesApp((load) => ({
      invalidate,
      async get(id) {
        const found = await redis.getBuffer(`product:${id}`);
        if (found !== null) return found;
        const bytes = await load(id);
        await redis.set(`product:${id}`, bytes, 'PX', ttlMs);
        return bytes;
      },
    }));
  }
  return dataApp((load) => ({
    invalidate,
    async get(id) {
      const found = await redis.get(`product:${id}`);
      if (found !== null) return JSON.parse(found) as Product;
      const product = await load(id);
      await redis.set(`product:${id}`, JSON.stringify(product), 'PX', ttlMs);
      return product;
    },
  }));
};
