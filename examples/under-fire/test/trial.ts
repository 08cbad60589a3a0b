import type { RedisClient } from '@turnpike/core';
import type { Redis } from 'ioredis';
import { type Act, ask } from './everything.ts';

interface Trial {
  /** Of each server. */
  readonly admins: readonly Redis[];
  readonly username: string;
  readonly parts: readonly string[];
  readonly connect: () => RedisClient & { disconnect(): void };
  readonly acts: readonly Act[];
}

/** By which clients introduce themselves, which they do without. */
const INTRODUCTIONS = ['client|setname', 'client|setinfo'];

/** Resolves when a client is connected, or has given up. One that does neither is asked all the same. */
const settled = (redis: RedisClient): Promise<void> =>
  new Promise((resolve) => {
    redis.on('ready', resolve);
    redis.on('end', resolve);
    setTimeout(resolve, 1_000);
  });

/** What Redis refuses a user with these parts who asks all of it, each named once, and what fails. */
export async function trial({ admins, username, parts, connect, acts }: Trial) {
  await Promise.all(admins.map((admin) => admin.call('ACL', 'SETUSER', username, ...parts)));
  const redis = connect();
  await settled(redis);
  const thrown = await ask(redis, acts);
  redis.disconnect();
  const logs = await Promise.all(admins.map((admin) => admin.call('ACL', 'LOG', '128') as Promise<string[][]>));
  const denied = logs
    .flat()
    .map((entry) => Object.fromEntries(entry.flatMap((word, n) => (n % 2 ? [] : [[word, entry[n + 1]]]))))
    .filter((entry) => entry['username'] === username)
    .map(({ object }) => String(object))
    .filter((object) => !INTRODUCTIONS.includes(object));
  return { denied: [...new Set(denied)], thrown };
}
