import { once } from 'node:events';
import { Redis } from 'ioredis';
import type { Setting } from '../harness/contender.ts';

/** The client that every contender is given which takes one of ioredis, connected before the first request. */
export async function connected(
  address: Setting['redis'],
  options: { enableOfflineQueue?: boolean } = {},
): Promise<Redis> {
  const redis = new Redis({ ...address, ...options });
  await once(redis, 'ready');
  return redis;
}

/**
 * How long Turnpike's middlewares wait for Redis here. On a machine that is busy with the bench itself, their own deadlines
 * would now and then be passed, and what is measured would be the answer without Redis.
 */
export const DEADLINE_MS = 5_000;

/** That of limiters: for as long they remember each charge of a caller, so that a long one is not what is measured. */
export const LIMITER_DEADLINE_MS = 1_000;
