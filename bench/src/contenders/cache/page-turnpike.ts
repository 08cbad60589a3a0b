import { createCache } from '@turnpike/cache-aside';
import { cacheResponse } from '@turnpike/cache-aside/express';
import { l1 } from '@turnpike/cache-aside/l1';
import type { Contender } from '../../harness/contender.ts';
import { DEADLINE_MS, connected } from '../client.ts';
import { pageApp } from './pages.ts';
import { LARGE, ttlMsOf } from './product.ts';

/** In Redis, or (the variant 'l1') with the tier in the process before it. The variant 'large' takes large pages. */
export const contender: Contender = async ({ redis: address, variant }) => {
  const redis = await connected(address);
  const cache = createCache({
    redis,
    ttlMs: ttlMsOf(variant),
    deadlineMs: DEADLINE_MS,
    ...(variant === 'l1' && { l1: l1() }),
    ...(variant === 'large' && LARGE),
  });
  return pageApp(cacheResponse({ cache }));
};
