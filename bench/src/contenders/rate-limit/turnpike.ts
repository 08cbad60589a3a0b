import { type Algorithm, rateLimit } from '@turnpike/rate-limit';
import type { Contender } from '../../harness/contender.ts';
import { LIMITER_DEADLINE_MS, connected } from '../client.ts';
import { callerOf, limitedApp } from './routes.ts';

/** All limits of a route are policies of one limiter. The variant is the algorithm. It is weighed with its own deadline. */
export const contender: Contender = async ({ redis: address, variant }) => {
  const redis = await connected(address);
  const algorithm = variant as Algorithm;
  return limitedApp((limits, path) => [
    rateLimit({
      redis,
      ...(!path.startsWith('/weighed') && { deadlineMs: LIMITER_DEADLINE_MS }),
      headers: ['draft-7'],
      key: callerOf,
      policies: limits.map((limit) => ({ ...limit, algorithm })),
    }),
  ]);
};
