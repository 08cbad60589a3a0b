import type { RedisClient } from '@turnpike/core';
import type { Backlog } from './backlog.ts';

/** The caches of this process that are one cache in Redis: of one client, under one prefix. */
export interface Kin {
  /** What waits for Redis: none of them reads past what another has invalidated. */
  readonly backlog: Backlog;
  /** Tells all of them what is being invalidated: these entries, or everything. */
  dropped(entryKeys?: readonly string[]): void;
  /** Tells all of them that Redis has taken it. */
  invalidated(entryKeys?: readonly string[]): void;
  /** The last one to leave closes the backlog. */
  leave(): void;
}

interface Family {
  readonly backlog: Backlog;
  readonly members: Set<Member>;
}

/** Hears of what any of them invalidates. */
type Member = Pick<Kin, 'dropped' | 'invalidated'>;

const families = new WeakMap<RedisClient, Map<string, Family>>();

export function joinKin(redis: RedisClient, prefix: string, makeBacklog: () => Backlog, member: Member): Kin {
  const ofClient = families.get(redis) ?? new Map<string, Family>();
  families.set(redis, ofClient);
  const family = ofClient.get(prefix) ?? { backlog: makeBacklog(), members: new Set() };
  ofClient.set(prefix, family);
  const { backlog, members } = family;
  members.add(member);
  return {
    backlog,
    dropped(entryKeys) {
      for (const one of members) one.dropped(entryKeys);
    },
    invalidated(entryKeys) {
      for (const one of members) one.invalidated(entryKeys);
    },
    leave() {
      members.delete(member);
      if (members.size > 0) return;
      backlog.close();
      if (ofClient.get(prefix) === family) ofClient.delete(prefix);
    },
  };
}
