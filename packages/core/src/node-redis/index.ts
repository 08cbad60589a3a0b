export { fromNodeRedis } from './from-node-redis.ts';
export type { NodeRedisClient } from './node-redis-client.ts';
