import { type Clients, type RedisServer, clientFactory, startRedis } from '@turnpike/test-kit';
import * as redis6 from 'redis';
import * as redis61 from 'redis61';
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';
import type { Store } from '../../src/store.ts';

type Options = NonNullable<Parameters<typeof redis6.createClient>[0]>;
export type Client = ReturnType<typeof redis6.createClient>;

export const LIBRARIES: [name: string, library: typeof redis6][] = [
  ['node-redis 6', redis6],
  ['node-redis 6.1', redis61 as unknown as typeof redis6],
];
export const PROTOCOLS = LIBRARIES.flatMap(([name, library]) =>
  ([2, 3] as const).map((RESP): [string, typeof redis6, 2 | 3] => [`${name} with RESP${RESP}`, library, RESP]),
);

export const quickly = (retries: number): number => Math.min(50 * (retries + 1), 500);

/** A Redis for the tests of one file, and node-redis clients of it, which end with each test. */
export interface NodeRedis {
  readonly server: RedisServer;
  /** Those of ioredis, beside. */
  readonly clients: Clients;
  key(name?: string): string;
  /** Is ended with the test. */
  ends<Made extends Ended>(client: Made): Made;
  /** A client that has not been told to connect. */
  clientOf(library?: typeof redis6, options?: Options): Client;
  connected(library?: typeof redis6, options?: Options): Promise<Client>;
}

interface Ended {
  readonly isOpen: boolean;
  destroy(): unknown;
}

export function nodeRedis(): NodeRedis {
  let server: RedisServer;
  let clients: Clients;
  const made = new Set<Ended>();

  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server.stop());
  beforeEach(() => {
    clients = clientFactory(server);
  });
  afterEach(async () => {
    server.resume();
    for (const client of made) if (client.isOpen) client.destroy();
    made.clear();
    await clients.close();
  });

  const nodeRedis: NodeRedis = {
    get server() {
      return server;
    },
    get clients() {
      return clients;
    },
    key: (name = 'counter') => `${clients.prefix}:{${name}}`,
    ends(client) {
      made.add(client);
      return client;
    },
    clientOf({ createClient } = redis6, { socket, ...options } = {}) {
      const client: Client = createClient({
        socket: { host: server.host, port: server.port, reconnectStrategy: quickly, ...socket } as object,
        ...options,
      });
      client.on('error', () => undefined);
      return nodeRedis.ends(client);
    },
    connected: (library, options) => nodeRedis.clientOf(library, options).connect(),
  };
  return nodeRedis;
}

export const valuesOf = async (store: Store, keys: readonly string[]): Promise<(Buffer | null)[]> =>
  (await Promise.all(store.read(keys, { deadlineMs: 1000 }))).map(({ value }) => value);
