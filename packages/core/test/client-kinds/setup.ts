// `TURNPIKE_CLIENT=node-redis6 npm test -- packages/rate-limit`: the tests as they are, over another client. Whatever they
// ask of a client that no package does is asked by ioredis 6 all the same.
import { type ClientKind, useClients } from '@turnpike/test-kit';
import type { Cluster, Redis, RedisOptions } from 'ioredis';
import { Cluster as Cluster5, Redis as Redis5 } from 'ioredis5';
import * as redis6 from 'redis';
import * as redis61 from 'redis61';
import { nodeRedis } from './node-redis.ts';

/** That of ioredis 5 outlives its connection, and ends the next one, or the process (docs/production.md). */
const withoutSocketTimeout = ({ socketTimeout: _, ...options }: RedisOptions): object => options;

const ioredis5: ClientKind = {
  name: 'ioredis5',
  lacks: [],
  client: (options) => new Redis5(withoutSocketTimeout(options)) as unknown as Redis,
  clusterClient: (nodes, { redisOptions = {}, ...options }) =>
    new Cluster5([...nodes], {
      ...options,
      redisOptions: withoutSocketTimeout(redisOptions),
    }) as unknown as Cluster,
};

const KINDS: readonly ClientKind[] = [
  ioredis5,
  nodeRedis('node-redis6.1', redis61 as never, 3),
  nodeRedis('node-redis6', redis6, 3),
  nodeRedis('node-redis6-resp2', redis6, 2),
];

const wanted = process.env['TURNPIKE_CLIENT'];
const kind = KINDS.find(({ name }) => name === wanted);
if (kind === undefined) throw new Error(`TURNPIKE_CLIENT is one of ${KINDS.map(({ name }) => name).join(', ')}`);
useClients(kind);
