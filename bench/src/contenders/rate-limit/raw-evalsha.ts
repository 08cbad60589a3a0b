import type { RequestHandler } from 'express';
import type { Contender } from '../../harness/contender.ts';
import { connected } from '../client.ts';
import { REFUSAL, callerOf, limitedApp, tellQuota } from './routes.ts';

const COUNT = `
local used = redis.call('INCR', KEYS[1])
if used == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return { used, redis.call('PTTL', KEYS[1]) }`;

/** The least: one EVALSHA of a fixed window, by hand, with the same headers. Without Redis it hangs, or throws. */
export const contender: Contender = async ({ redis: address }) => {
  const redis = await connected(address);
  const sha = (await redis.script('LOAD', COUNT)) as string;
  return limitedApp((limits) =>
    limits.map(({ limit, windowMs }, index): RequestHandler => {
      return async (req, res, next) => {
        const key = `raw:${limit}:${windowMs}:${index}:${callerOf(req)}`;
        const [used, resetMs] = (await redis.evalsha(sha, 1, key, windowMs)) as [number, number];
        tellQuota((name, value) => res.setHeader(name, value), { limit, windowMs }, Math.max(limit - used, 0), resetMs);
        if (used <= limit) return next();
        res.setHeader('Retry-After', String(Math.ceil(resetMs / 1000)));
        res.status(429).json(REFUSAL);
      };
    }),
  );
};
