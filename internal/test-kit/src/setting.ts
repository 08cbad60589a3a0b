import type { Cluster, Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';
import { type Clients, clientFactory } from './clients.ts';
import { type RedisServer, startRedis } from './redis-server.ts';

/** One Redis for a test file, and for each test clients and a prefix of its own. */
export interface Setting {
  readonly server: RedisServer;
  readonly clients: Clients<Redis, Cluster>;
}

/** Call it once, at the top of a test file. After each test no key of it may be without a TTL. */
export function setting(): Setting {
  let server: RedisServer | undefined;
  let clients: Clients<Redis, Cluster> | undefined;
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server?.stop());
  beforeEach(() => {
    if (server !== undefined) clients = clientFactory(server);
  });
  afterEach(async () => {
    server?.resume();
    await clients?.noKeyWithoutTtl();
    await clients?.close();
  });
  const there = <T>(value: T | undefined): T => {
    if (value === undefined) throw new Error('setting: used outside of a test');
    return value;
  };
  return {
    get server() {
      return there(server);
    },
    get clients() {
      return there(clients);
    },
  };
}
