import apicache, { type Options } from 'apicache';
import { createClient } from 'redis3';
import type { Contender } from '../../harness/contender.ts';
import { pageApp } from './pages.ts';
import { ttlMsOf } from './product.ts';

/** As its README has it: in Redis, through the client of that time, or (the variant 'memory') in memory. */
export const contender: Contender = ({ redis: { host, port }, variant }) => {
  const cache = apicache.newInstance(
    variant === 'memory' ? {} : { redisClient: createClient({ host, port }) as NonNullable<Options['redisClient']> },
  );
  return pageApp(cache.middleware(`${ttlMsOf(variant) / 1000} seconds`));
};
