// A middleware of one's own, on what the packages stand on: it counts in one script, and tells of each end of a response.
import { type Middleware, type Script, type Store, attachment, defineScript, keyspace, storeOf } from '@turnpike/core';
import { type Ended, onEnd } from '@turnpike/core/http';
import type { Redis } from 'ioredis';

const count: Script<string, number> = defineScript<string, number>({
  lua: "local visits = redis.call('INCR', KEYS[1])\nredis.call('PEXPIRE', KEYS[1], 60000)\nreturn { 'visits', visits }",
  encode: (key) => ({ keys: [key], argv: [] }),
  decode: (reply) => (reply as [string, number])[1],
});

export function visits(
  redis: Redis,
  prefix: string,
  told: (ended: Ended) => void,
): Middleware & { of(req: object): number } {
  const store: Store = storeOf(redis);
  const key = keyspace('visits', prefix)(['all']);
  const counted = attachment<number>('visits');
  const middleware: Middleware = (req, res, next) => {
    onEnd(res, told);
    store.call(count, key, { deadlineMs: 1000 }).then((visits) => {
      counted.attach(req, visits);
      next();
    }, next);
  };
  return Object.assign(middleware, { of: counted.of });
}
