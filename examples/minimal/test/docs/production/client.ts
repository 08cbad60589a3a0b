import { Redis } from 'ioredis';

const retryStrategy = (attempt: number): number => Math.min(50 * attempt, 500);

const options = {
  // Back within half a second of Redis. By default the pause grows to two seconds, with ioredis 6 to five.
  retryStrategy,
  // A connection that owes an answer for so long is replaced: a server that vanished says no goodbye.
  socketTimeout: 2_000,
  // What is connected to is a replica now: a failover behind one address.
  reconnectOnError: (error: Error) => error.message.startsWith('READONLY'),
};

export const createClient = (url: string): Redis => new Redis(url, options);

export const createSentinelClient = (sentinels: { host: string; port: number }[], name: string): Redis =>
  new Redis({ ...options, sentinels, name, sentinelRetryStrategy: retryStrategy });
