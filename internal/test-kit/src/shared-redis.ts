import { type RedisAddress, startRedis } from './redis-server.ts';

/** A Redis for tests that neither signal nor configure it, told apart from other users by a random prefix only. */
export interface SharedRedis extends RedisAddress {
  readonly url: string;
  /** Stops it if it was started for this call; leaves an external server alone. */
  stop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** The server that `TURNPIKE_TEST_REDIS_URL` names, or else a fresh one. Never flush it. */
export async function sharedRedis(): Promise<SharedRedis> {
  const external = process.env['TURNPIKE_TEST_REDIS_URL'];
  if (external === undefined || external === '') return startRedis();
  const url = new URL(external);
  const stop = async (): Promise<void> => undefined;
  return {
    host: url.hostname,
    port: Number(url.port || 6379),
    ...(url.username && { username: decodeURIComponent(url.username) }),
    ...(url.password && { password: decodeURIComponent(url.password) }),
    url: external,
    stop,
    [Symbol.asyncDispose]: stop,
  };
}
