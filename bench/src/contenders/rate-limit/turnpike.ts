import { type Algorithm, rateLimit } from '@turnpike/rate-limit';
import type { Contender } from '../../harness/contender.ts';
import { DEADLINE_MS, connected } from '../client.ts';
import { callerOf, limitedApp } from './routes.ts';

/** All limits of a route are policies of one limiter. The variant is the algorithm. */
export const contender: Contender = async ({ redis: address, variant }) => {
  const redis = await connected(address);
  const algorithm = variant as Algorithm;
  return limitedApp((limits) => [
    rateLimit({
      redis,
      deadlineMs: DEADLINE_MS,
      headers: ['draft-7'],
      key: callerOf,
      policies: limits.map((limit) => ({ ...limit, algorithm })),
    }),
  ]);
};
