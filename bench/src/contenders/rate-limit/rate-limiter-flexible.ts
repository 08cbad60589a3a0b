import type { RequestHandler } from 'express';
import { RateLimiterRedis, RateLimiterRes, RateLimiterUnion } from 'rate-limiter-flexible';
import type { Contender } from '../../harness/contender.ts';
import { connected } from '../client.ts';
import { type Limit, REFUSAL, callerOf, limitedApp, tellQuota } from './routes.ts';

/**
 * As its wiki has it for Express: `consume` in a middleware of the app's own, and the headers by hand. The variant
 * says whether a caller over the limit is refused from memory (`inMemoryBlockOnConsumed`). Several limits are a union.
 */
export const contender: Contender = async ({ redis: address, variant }) => {
  const storeClient = await connected(address, { enableOfflineQueue: false });
  let made = 0;

  const limiterOf = ({ limit, windowMs }: Limit): RateLimiterRedis =>
    new RateLimiterRedis({
      storeClient,
      keyPrefix: `rlflx${(made += 1)}`,
      points: limit,
      duration: windowMs / 1000,
      ...(variant === 'memory-block' && { inMemoryBlockOnConsumed: limit + 1 }),
    });

  const single = (limit: Limit): RequestHandler => {
    const limiter = limiterOf(limit);
    return async (req, res, next) => {
      const set = (name: string, value: string) => res.setHeader(name, value);
      try {
        const { remainingPoints, msBeforeNext } = await limiter.consume(callerOf(req));
        tellQuota(set, limit, remainingPoints, msBeforeNext);
        next();
      } catch (refused) {
        if (!(refused instanceof RateLimiterRes)) return next(refused);
        tellQuota(set, limit, 0, refused.msBeforeNext);
        res.setHeader('Retry-After', String(Math.ceil(refused.msBeforeNext / 1000)));
        res.status(429).json(REFUSAL);
      }
    };
  };

  const union = (limits: readonly Limit[]): RequestHandler => {
    const limiters = limits.map(limiterOf);
    const all = new RateLimiterUnion(...limiters);
    return async (req, res, next) => {
      try {
        const said = await all.consume(callerOf(req));
        const [tightest, limit] = [said[limiters[0]?.keyPrefix ?? ''], limits[0]];
        if (tightest !== undefined && limit !== undefined) {
          tellQuota(
            (name, value) => res.setHeader(name, value),
            limit,
            tightest.remainingPoints,
            tightest.msBeforeNext,
          );
        }
        next();
      } catch {
        res.status(429).json(REFUSAL);
      }
    };
  };

  return limitedApp((limits) => [limits[0] !== undefined && limits.length === 1 ? single(limits[0]) : union(limits)]);
};
