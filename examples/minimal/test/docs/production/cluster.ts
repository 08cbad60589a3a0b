import { Cluster } from 'ioredis';

export const createCluster = (nodes: { host: string; port: number }[]): Cluster =>
  new Cluster(nodes, {
    scaleReads: 'master', // the default; others are refused
    clusterRetryStrategy: (attempt) => Math.min(50 * attempt, 500),
  });
