import { type Server, createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { type Clients, type RedisServer, clientFactory, startRedis } from '@turnpike/test-kit';
import type { Cluster, Redis } from 'ioredis';
import request from 'supertest';
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';
import { createApp } from '../src/app.ts';
import type { Database } from '../src/database/database.ts';
import { openDatabase } from '../src/database/open.ts';

export const PASSWORDS = {
  ann: 'correct horse battery staple',
  bob: 'an umbrella in the hallway',
  eve: 'keys under the third pot',
} as const;

export type Who = keyof typeof PASSWORDS;

/** A shop for each test, on one Redis and one database for the file. */
export interface Setting {
  readonly redis: RedisServer;
  readonly clients: Clients<Redis, Cluster>;
  readonly database: Database;
  readonly url: string;
  /** One server for a test: pages belong to a host. */
  readonly http: ReturnType<typeof request>;
  /** Signs in; resolves to the header that says so. */
  as(who: Who, device?: string): Promise<{ Authorization: string }>;
}

/** Call it once, at the top of a test file. */
export function shop(): Setting {
  let redis: RedisServer;
  let clients: Clients<Redis, Cluster>;
  let database: Database;
  let server: Server;
  let close: () => void;

  beforeAll(async () => {
    [redis, database] = await Promise.all([startRedis(), openDatabase(undefined)]);
  });
  afterAll(async () => {
    await redis.stop();
    await database.close();
  });
  beforeEach(async () => {
    clients = clientFactory(redis);
    const client = clients.client();
    await client.ping();
    await database.script("delete from orders; update products set stock = 500, price_cents = 1200 where id = 'p1'");
    const made = createApp({
      redis: client,
      database,
      prefix: clients.prefix,
      secret: 'thirty-two bytes or more, in a test',
      deadlineMs: 5000,
    });
    close = made.close;
    server = createServer(made.app).listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  afterEach(async () => {
    redis.resume();
    close();
    server.closeAllConnections();
    server.close();
    await clients.noKeyWithoutTtl();
    await clients.close();
  });

  const setting: Setting = {
    get redis() {
      return redis;
    },
    get clients() {
      return clients;
    },
    get database() {
      return database;
    },
    get url() {
      return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    },
    get http() {
      return request(setting.url);
    },
    async as(who, device = 'a test') {
      const answer = await setting.http
        .post('/login')
        .send({ email: `${who}@example.com`, password: PASSWORDS[who], device })
        .expect(200);
      return { Authorization: `Bearer ${String(answer.body.token)}` };
    },
  };
  return setting;
}

/** Problem details come as text: supertest parses other types of JSON only. */
export const problemIn = ({ text }: { text: string }): Record<string, unknown> =>
  JSON.parse(text) as Record<string, unknown>;
