import { BentoCache, bentostore } from 'bentocache';
import { memoryDriver } from 'bentocache/drivers/memory';
import { redisBusDriver, redisDriver } from 'bentocache/drivers/redis';
import type { Contender } from '../../harness/contender.ts';
import { connected } from '../client.ts';
import { TAGS, ttlMsOf } from './product.ts';
import { dataApp } from './routes.ts';

/** As its documentation has it: Redis as the only layer, or (the variant 'l1') memory before it and a bus beside it. */
export const contender: Contender = async ({ redis: address, variant }) => {
  const ttl = ttlMsOf(variant);
  const connection = await connected(address);
  const second = redisDriver({ connection });
  const store =
    variant === 'l1'
      ? bentostore()
          .useL1Layer(memoryDriver({ maxSize: '100mb' }))
          .useL2Layer(second)
          .useBus(redisBusDriver({ connection: address }))
      : bentostore().useL2Layer(second);
  const bento = new BentoCache({ default: 'products', stores: { products: store } });
  const tags = variant === 'tagged' ? { tags: [...TAGS] } : {};
  return dataApp((load) => ({
    get: (id) => bento.getOrSet({ key: `product:${id}`, factory: () => load(id), ttl, ...tags }),
    invalidate: (id) => bento.delete({ key: `product:${id}` }),
  }));
};
