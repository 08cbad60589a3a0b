import type { Redis } from 'ioredis';

/** The keys of one server that match a glob, each once. */
export async function keysOf(redis: Redis, match: string): Promise<string[]> {
  const found = new Set<string>();
  let cursor = '0';
  do {
    const [next, keys] = await redis.scan(cursor, 'MATCH', match, 'COUNT', 1_000);
    for (const key of keys) found.add(key);
    cursor = next;
  } while (cursor !== '0');
  return [...found];
}

/** Those among them that never expire. A key that has gone meanwhile is none. */
export async function keysWithoutTtl(redis: Redis, match: string): Promise<string[]> {
  const keys = await keysOf(redis, match);
  const ttls = await Promise.all(keys.map((key) => redis.pttl(key)));
  return keys.filter((_, i) => ttls[i] === -1);
}
