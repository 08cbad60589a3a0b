import type { Redis } from 'ioredis';

/** A client that listens by another way than it asks: over a duplicate of `other`, whose network has faults of its own. */
export const listeningBy = (redis: Redis, other: { duplicate(override?: object): unknown }): Redis =>
  new Proxy(redis, {
    get(target, name) {
      const from = name === 'duplicate' ? other : target;
      const value: unknown = Reflect.get(from, name);
      return typeof value === 'function' ? (value.bind(from) as unknown) : value;
    },
  });
