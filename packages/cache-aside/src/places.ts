import { type RedisClient, keyPrefixOf, keyspace, segment } from '@turnpike/core';

/** Where the value of one key is, and what names it elsewhere. */
export interface Place {
  /** Of a page empty: only tags invalidate it. */
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
  /** Begins every key of this cache, as the server names them. */
  readonly stem: string;
  readonly clockKey: string;
  readonly marksKey: string;
  readonly madeKey: string;
  of(key: string): Place;
  /** Of a whole response, named by digests: of its URL, and of what it varies by. Never that of a key. */
  page(url: string, variant?: string): Place;
  /** Which variants of a page there are. */
  variantsKey(url: string): string;
}

/** More parts than this are one digest. */
const MOST_PARTS = 8;

/** Ends the channel on which is told what becomes of a key. */
export const BELL = ':bell';

/** A tag, as entries and marks name it. */
export const tagName = (tag: string): string => segment(tag);

/** A class, because there is one for every call, and a hit asks for nothing but its `entryKey`: the rest is made when it is wanted. */
class OnePlace implements Place {
  readonly key: string;
  readonly entryKey: string;
  readonly #keyPrefix: string;

  constructor(key: string, entryKey: string, keyPrefix: string) {
    this.key = key;
    this.entryKey = entryKey;
    this.#keyPrefix = keyPrefix;
  }

  get bell(): string {
    return this.entryKey + BELL;
  }

  get channel(): string {
    return this.#keyPrefix + this.bell;
  }

  get ownTag(): string {
    return this.key === '' ? '%' : `=${segment(this.key)}`;
  }
}

export function createPlaces(redis: RedisClient, prefix: string): Places {
  const keys = keyspace('cache-aside', prefix);
  const keyPrefix = keyPrefixOf(redis);
  return {
    stem: keyPrefix + keys([]).slice(0, -1),
    // All in one slot, and never a value's: a value's key ends with its id.
    clockKey: keys(['clock'], 'clock'),
    marksKey: keys(['clock'], 'marks'),
    madeKey: keys(['clock'], 'made'),
    of(key) {
      const parts = key.split(':');
      return new OnePlace(key, keys(parts.length > MOST_PARTS ? [key] : parts), keyPrefix);
    },
    page: (url, variant) =>
      new OnePlace('', keys([url], variant === undefined ? 'page' : `page:${variant}`), keyPrefix),
    variantsKey: (url) => keys([url], 'variants'),
  };
}
