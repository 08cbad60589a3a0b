import { type RedisClient, keyPrefixOf, keyspace, segment } from '@turnpike/core';

/** Where the value of one key is, and what names it elsewhere. */
export interface Place {
  readonly key: string;
  readonly entryKey: string;
  /** Where those who wait for it are told, as a subscriber names it. */
  readonly bell: string;
  /** The same, as a script has to name it. */
  readonly channel: string;
  /** The mark of a quarantine of this key alone. No tag is called so. */
  readonly ownTag: string;
}

export interface Places {
  readonly clockKey: string;
  readonly marksKey: string;
  of(key: string): Place;
}

/** More parts than this are one digest. */
const MOST_PARTS = 8;

/** A tag, as entries and marks name it. */
export const tagName = (tag: string): string => segment(tag);

export function createPlaces(redis: RedisClient, prefix: string): Places {
  const keys = keyspace('cache-aside', prefix);
  return {
    // Both in one slot, and never a value's: a value's key ends with its id.
    clockKey: keys(['clock'], 'clock'),
    marksKey: keys(['clock'], 'marks'),
    of(key) {
      const parts = key.split(':');
      const id = parts.length > MOST_PARTS ? [key] : parts;
      const bell = keys(id, 'bell');
      return { key, entryKey: keys(id), bell, channel: keyPrefixOf(redis) + bell, ownTag: `=${segment(key)}` };
    },
  };
}
