import { type Cache, createCache } from '@turnpike/cache-aside';
import { l1 } from '@turnpike/cache-aside/l1';
import type { Redis } from 'ioredis';

/** For all of the process: each has a connection of its own, on which it hears. */
export const cacheOf = (redis: Redis): Cache => createCache({ redis, ttlMs: 60_000, l1: l1({ l1TtlMs: 5000 }) });
