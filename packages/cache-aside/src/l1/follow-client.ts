import type { RedisClient } from '@turnpike/core';

/** What becomes of a client. */
interface Follower {
  ready(): void;
  ended(): void;
}

const followers = new WeakMap<RedisClient, Set<Follower>>();

/**
 * One listener for all tiers of a client, of which there may be many: with one for each Node would warn of a leak, and one that
 * stays behind would be a leak. The result ends it.
 */
export function followClient(client: RedisClient, follower: Follower): () => void {
  const all = followers.get(client) ?? new Set<Follower>();
  if (!followers.has(client)) {
    followers.set(client, all);
    client.on('ready', () => all.forEach((one) => one.ready()));
    client.on('end', () => all.forEach((one) => one.ended()));
  }
  all.add(follower);
  return () => void all.delete(follower);
}
