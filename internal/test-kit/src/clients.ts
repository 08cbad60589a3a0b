import { randomBytes } from 'node:crypto';
import { Cluster, type ClusterOptions, Redis, type RedisOptions } from 'ioredis';
import { chosenClients } from './client-kind.ts';
import { keysOf, keysWithoutTtl } from './key-scan.ts';
import type { RedisAddress } from './redis-server.ts';
import type { Sentinels } from './sentinels.ts';

/** A server, a proxy before one, a cluster, or what Sentinels watch. */
export type ClientTarget =
  | RedisAddress
  | { readonly startupNodes: readonly RedisAddress[] }
  | Pick<Sentinels, 'name' | 'sentinels'>;

/** Another copy of ioredis: what `import { Redis } from 'ioredis5'` gives. */
export interface RedisLibrary<Client, ClusterClient> {
  new (...args: any[]): Client;
  readonly Cluster: new (...args: any[]) => ClusterClient;
}

/** Clients that share a prefix nobody else has, and the questions about what is stored under it. */
export interface Clients<Client = Redis, ClusterClient = Cluster> {
  /** Random, such as 't1f0c2b3a'. Give it to the middleware's `prefix` option. */
  readonly prefix: string;
  /** Connects at once, as ioredis does; of a cluster to its first node, behind Sentinels to the master. */
  client(options?: RedisOptions): Client;
  clusterClient(options?: ClusterOptions): ClusterClient;
  /** All keys with the prefix, on every master, those behind a client's `keyPrefix` too. `pattern` is a glob for the rest. */
  scan(pattern?: string): Promise<string[]>;
  /** @throws Error that lists the keys with the prefix which would stay for ever. */
  noKeyWithoutTtl(): Promise<void>;
  /** Disconnects every client that was given. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

interface Closable {
  on(event: 'error', listener: (error: Error) => void): unknown;
  disconnect(): void;
}

const EXPECTED =
  /Connection is closed|All sentinels are unreachable|connect ETIMEDOUT|Socket closed|Failed to refresh slots cache|timed out|Connection timeout/i;

/** Tests take servers away, and losing one is no news. Anything else that a client complains of fails the test. */
function isLostConnection(error: Error & { code?: unknown }): boolean {
  const isSystemError = typeof error.code === 'string' && /^E[A-Z]+$/.test(error.code);
  return isSystemError || EXPECTED.test(error.message);
}

interface ClientsOptions {
  prefix?: string;
  /** What clients may complain of besides a lost connection. */
  bearing?: RegExp;
}

const retryStrategy = (times: number): number => Math.min(50 * times, 500);

/**
 * Makes ioredis clients for `target` that come back quickly (`retryStrategy` n => min(50 n, 500) ms) and bear the loss of
 * their server in silence. `Redis` is the copy of ioredis to use instead of version 6, or of what `useClients` chose; a `prefix`
 * of the caller's is for a server that nobody else uses.
 */
export function clientFactory(target: ClientTarget, options?: ClientsOptions): Clients;
export function clientFactory<Client extends Closable, ClusterClient extends Closable>(
  target: ClientTarget,
  options: ClientsOptions & { Redis: RedisLibrary<Client, ClusterClient> },
): Clients<Client, ClusterClient>;
export function clientFactory(
  target: ClientTarget,
  {
    Redis: Library = Redis,
    prefix = `t${randomBytes(4).toString('hex')}`,
    bearing,
  }: ClientsOptions & { Redis?: RedisLibrary<Closable, Closable> } = {},
): Clients<Closable, Closable> {
  const isCluster = 'startupNodes' in target;
  const nodes = 'sentinels' in target ? [] : (isCluster ? target.startupNodes : [target]).map(connectionTo);
  const single = 'sentinels' in target ? watched(target) : nodes[0];
  const given = new Set<Closable>();
  let observer: Redis | Cluster | undefined;

  function give<T extends Closable>(client: T): T {
    client.on('error', (error) => {
      if (!isLostConnection(error) && bearing?.test(error.message) !== true) throw error;
    });
    given.add(client);
    return client;
  }

  async function masters(): Promise<Redis[]> {
    observer ??= give(
      isCluster ? new Cluster(nodes, { clusterRetryStrategy: retryStrategy }) : new Redis({ ...single, retryStrategy }),
    );
    // A Cluster knows its nodes once it has answered.
    await observer.ping();
    return observer instanceof Cluster ? observer.nodes('master') : [observer];
  }

  async function scan(pattern = '*'): Promise<string[]> {
    const found = await Promise.all((await masters()).map((master) => keysOf(master, `*${prefix}${pattern}`)));
    return found.flat();
  }

  async function noKeyWithoutTtl(): Promise<void> {
    const found = await Promise.all((await masters()).map((master) => keysWithoutTtl(master, `*${prefix}*`)));
    const lasting = found.flat();
    if (lasting.length > 0) throw new Error(`Keys without TTL:\n${lasting.map((key) => `  ${key}`).join('\n')}`);
  }

  async function close(): Promise<void> {
    for (const client of given) client.disconnect();
    given.clear();
    observer = undefined;
  }

  // Whoever names a copy of ioredis is given that one.
  const kind = Library === Redis ? chosenClients() : undefined;

  function client(options?: RedisOptions): Closable {
    const admin = (more: RedisOptions): Redis => give(new Redis({ ...single, ...more } as object));
    const wanted = { ...single, retryStrategy, ...options } as RedisOptions;
    return kind === undefined ? new Library(wanted) : kind.client(wanted, admin);
  }

  function clusterClient(options?: ClusterOptions): Closable {
    const wanted: ClusterOptions = { clusterRetryStrategy: retryStrategy, ...options };
    const admin = (): Cluster => give(new Cluster(nodes, wanted as object));
    return kind === undefined ? new Library.Cluster(nodes, wanted) : kind.clusterClient(nodes, wanted, admin);
  }

  return {
    prefix,
    client: (options) => give(client(options)),
    clusterClient: (options) => give(clusterClient(options)),
    scan,
    noKeyWithoutTtl,
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** Nothing but these: a server's other properties are no options of ioredis. */
const connectionTo = ({ host, port, username, password, tls }: RedisAddress) => ({
  host,
  port,
  username,
  password,
  ...(tls && { tls }),
});

/** Without `failoverDetector`: one that hears of a failover while it looks for the new master gives up for good. */
const watched = ({ sentinels, name }: Pick<Sentinels, 'name' | 'sentinels'>) => ({
  sentinels: [...sentinels],
  name,
  sentinelRetryStrategy: retryStrategy,
});
