import { rateLimit } from 'express-rate-limit';
import { type RedisReply, RedisStore } from 'rate-limit-redis';
import type { Contender } from '../../harness/contender.ts';
import { connected } from '../client.ts';
import { REFUSAL, callerOf, limitedApp } from './routes.ts';

/** As the README of rate-limit-redis has it with ioredis; a limiter, with a prefix of its own, for each limit. */
export const contender: Contender = async ({ redis: address }) => {
  const redis = await connected(address);
  let made = 0;
  return limitedApp((limits) =>
    limits.map(({ limit, windowMs }) =>
      rateLimit({
        limit,
        windowMs,
        standardHeaders: 'draft-7',
        legacyHeaders: false,
        message: REFUSAL,
        keyGenerator: callerOf,
        store: new RedisStore({
          prefix: `rl${(made += 1)}:`,
          sendCommand: (command: string, ...args: string[]) => redis.call(command, ...args) as Promise<RedisReply>,
        }),
      }),
    ),
  );
};
