import { AsyncLocalStorage } from 'node:async_hooks';
import type { RequestHandler } from 'express';
import type { Redis } from 'ioredis';

/**
 * Says in `Server-Timing` what a request has cost until its answer began: `redis;desc=<commands>, app;dur=<ms>`. Those who ask the
 * cache in one moment share a command: it counts for the first.
 */
export function countedRedis(redis: Redis): RequestHandler {
  const counts = new AsyncLocalStorage<{ commands: number }>();
  const { sendCommand } = redis;
  redis.sendCommand = function sendCounted(...args) {
    const count = counts.getStore();
    if (count !== undefined) count.commands += 1;
    return Reflect.apply(sendCommand, redis, args);
  };
  return (_req, res, next) => {
    const startedAt = performance.now();
    const count = { commands: 0 };
    const { writeHead } = res;
    res.writeHead = function writeHeadTimed(...args: unknown[]) {
      const tookMs = (performance.now() - startedAt).toFixed(1);
      if (!res.headersSent) res.setHeader('Server-Timing', `redis;desc=${count.commands}, app;dur=${tookMs}`);
      return Reflect.apply(writeHead, res, args) as typeof res;
    };
    counts.run(count, next);
  };
}
