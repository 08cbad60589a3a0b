import type { Redis } from 'ioredis';
import type { SingleSessionOptions } from '../src/index.ts';

export const SECRET = 'a secret of at least thirty-two bytes';

export const JWT = { secret: SECRET, algorithm: 'HS256', issuer: 'shop', audience: 'shop-web' } as const;

/** The options of a test: the smallest that work. */
export const options = (
  redis: Redis,
  prefix: string,
  more: Partial<SingleSessionOptions> = {},
): SingleSessionOptions => ({
  redis,
  prefix,
  jwt: JWT,
  deadlineMs: 5000,
  ...more,
});
