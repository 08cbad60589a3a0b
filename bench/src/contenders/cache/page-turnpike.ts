import { cacheResponse } from '@turnpike/cache-aside/express';
import type { Contender } from '../../harness/contender.ts';
import { DEADLINE_MS, connected } from '../client.ts';
import { ttlMsOf } from './product.ts';
import { pageApp } from './pages.ts';

export const contender: Contender = async ({ redis: address, variant }) => {
  const redis = await connected(address);
  return pageApp(cacheResponse({ redis, ttlMs: ttlMsOf(variant), deadlineMs: DEADLINE_MS }));
};
