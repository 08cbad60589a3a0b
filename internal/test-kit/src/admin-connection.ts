import { Redis } from 'ioredis';
import type { RedisAddress } from './redis-server.ts';

/** Lends `ask` a connection of the kit's own, which gives up at the first failure instead of waiting for a server. */
export async function withAdmin<T>(
  { host, port, username, password, tls }: RedisAddress,
  ask: (redis: Redis) => Promise<T>,
): Promise<T> {
  const redis = new Redis({
    host,
    port,
    username,
    password,
    ...(tls && { tls }),
    lazyConnect: true,
    connectTimeout: 2_000,
    disableClientInfo: true,
    enableReadyCheck: false,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
  });
  redis.on('error', () => undefined);
  try {
    await redis.connect();
    return await ask(redis);
  } finally {
    redis.disconnect();
  }
}
