import { type OptionChecks, type RedisClient, assertRedisClient, optionChecks } from '@turnpike/core';
import { type Serializer, json } from './codec.ts';
import type { TierMaker } from './tier.ts';
import { FRESHNESS_OPTIONS, type Freshness, LONGEST_MS, checkedFreshness } from './freshness.ts';

/** What a cache needs to know beside how long values last. */
export interface CacheSettings {
  /** Your client: ioredis 5.4 or later, or a Cluster that reads from its masters. It stays yours to close. */
  redis: RedisClient;
  /**
   * After how many ms a loader has failed; its `signal` is aborted then. A lease lives a second longer.
   *
   * @default 10000
   */
  loadTimeoutMs?: number;
  /**
   * How long Redis may take before a value is loaded without it, and an invalidation is queued, in ms.
   *
   * @default 50
   */
  deadlineMs?: number;
  /**
   * The largest value that is stored, in bytes once serialized; a larger one is returned and not stored.
   *
   * @default 1048576
   */
  maxBytes?: number;
  /**
   * Values of more bytes than this, once serialized, are stored compressed, if that makes them smaller: less memory and
   * less to send, for some time of the processor. They are read with this option or without.
   *
   * @default none is
   */
  compressAboveBytes?: number;
  /**
   * How long after an invalidation nothing that it concerns is stored to stay, in ms: as long as replicas lag behind, or
   * transactions stay open that began before. For one invalidation: its own `quarantineMs`.
   *
   * @default 0
   */
  quarantineMs?: number;
  /**
   * How values become bytes.
   *
   * @default JSON
   */
  serializer?: Serializer;
  /**
   * Begins every key. Caches with one prefix are one cache.
   *
   * @default 'turnpike'
   */
  prefix?: string;
  /**
   * A tier in this process in front of Redis: `l1()` of `@turnpike/cache-aside/l1`.
   *
   * @default none
   */
  l1?: TierMaker;
}

/** What `createCache` takes. */
export type CacheOptions = CacheSettings & Freshness;

/** Where one `getOrLoad`, or one `getMany`, differs from its cache. */
export interface GetOptions extends Partial<Freshness> {
  /** What the value depends on: `invalidate({ tags })` with one of them drops it. The loader may add to them. */
  tags?: readonly string[];
}

/** What is no longer true. */
export interface Invalidation {
  keys?: readonly string[];
  tags?: readonly string[];
  /** @default the cache's own */
  quarantineMs?: number;
}

const SETTINGS: readonly (keyof CacheSettings)[] = [
  'redis',
  'loadTimeoutMs',
  'deadlineMs',
  'maxBytes',
  'compressAboveBytes',
  'quarantineMs',
  'serializer',
  'prefix',
  'l1',
];

/** What well-known caches call our options. */
const RIVALS: Readonly<Record<string, string>> = {
  ttl: 'ttlMs, in ms,',
  stale: 'staleMs, in ms,',
  grace: 'staleIfErrorMs, in ms,',
  gracePeriod: 'staleIfErrorMs, in ms,',
  refreshThreshold: 'staleMs',
  swr: 'staleMs, in ms,',
  staleWhileRevalidate: 'staleMs, in ms,',
  timeout: 'loadTimeoutMs',
  hardTimeout: 'loadTimeoutMs',
  connection: 'redis',
  client: 'redis',
  store: 'redis',
  stores: 'redis',
  storage: 'redis',
  namespace: 'prefix',
  keyPrefix: 'prefix',
  transformer: 'serializer',
  compression: 'compressAboveBytes',
  compress: 'compressAboveBytes',
  memory: 'l1',
  lru: 'l1',
};

/** A loader may run for an hour. */
const LONGEST_LOAD_MS = 3_600_000;

/** 512 MB, less the head: what a Redis string holds. */
const LARGEST_BYTES = 500_000_000;

/** What one entry, or one invalidation of a loader's making, may carry. */
const MOST_TAGS = 1000;

/** What one `getMany` may ask for: one query. */
const MOST_KEYS = 1000;

export interface CheckedOptions {
  readonly settings: Required<Omit<CacheSettings, 'l1'>> & Pick<CacheSettings, 'l1'>;
  readonly freshness: Required<Freshness>;
  readonly check: CallChecks;
}

/** @throws OptionError when an option breaks its rule */
export function checkedOptions(options: CacheOptions): CheckedOptions {
  const check = optionChecks('createCache', options);
  check.known([...SETTINGS, ...FRESHNESS_OPTIONS], RIVALS);
  const {
    redis,
    loadTimeoutMs = 10_000,
    deadlineMs = 50,
    maxBytes = 1_048_576,
    compressAboveBytes = Infinity,
    quarantineMs = 0,
    serializer = json,
    prefix = 'turnpike',
    l1,
  } = options;
  assertRedisClient('createCache', redis);
  check.integer('loadTimeoutMs', loadTimeoutMs, 1, LONGEST_LOAD_MS);
  check.integer('deadlineMs', deadlineMs, 1, 60_000);
  check.integer('maxBytes', maxBytes, 1, LARGEST_BYTES);
  if (compressAboveBytes !== Infinity) check.integer('compressAboveBytes', compressAboveBytes, 0, LARGEST_BYTES);
  check.integer('quarantineMs', quarantineMs, 0, LONGEST_MS);
  const isSerializer = ['serialize', 'deserialize'].every(
    (method) => typeof (serializer as unknown as Record<string, unknown> | null)?.[method] === 'function',
  );
  check.must(isSerializer, 'serializer', 'an object with serialize and deserialize', serializer);
  check.must(l1 === undefined || typeof l1?.open === 'function', 'l1', 'made by l1() of @turnpike/cache-aside/l1', l1);
  const freshness = checkedFreshness(check, options);
  return {
    settings: {
      redis,
      loadTimeoutMs,
      deadlineMs,
      maxBytes,
      compressAboveBytes,
      quarantineMs,
      serializer,
      prefix,
      ...(l1 && { l1 }),
    },
    freshness,
    check: callChecks(freshness),
  };
}

/** The checks of what is given to a call; each throws an `OptionError`. */
export interface CallChecks {
  key(key: unknown): void;
  keys(keys: unknown): void;
  pairs(pairs: unknown): void;
  tags(tags: readonly unknown[]): void;
  ttlMs(ms: unknown): void;
  version(version: unknown): void;
  get(
    options: GetOptions,
    method?: string,
  ): { readonly tags: readonly string[]; readonly freshness: Required<Freshness> };
  invalidation(invalidation: Invalidation): void;
  quarantineMs(ms: unknown): void;
  loader(loader: unknown, name?: string): void;
  quarantine(options: object): void;
  write(write: unknown, options: object): void;
}

function callChecks(own: Required<Freshness>): CallChecks {
  const cache: OptionChecks = optionChecks('cache', {});
  const strings = (option: string, given: unknown): void => {
    const isStrings = Array.isArray(given) && given.every((one) => typeof one === 'string' && one !== '');
    cache.must(isStrings, option, 'an array of non-empty strings', given);
  };
  const checks: CallChecks = {
    key: (key) => cache.must(typeof key === 'string' && key !== '', 'key', 'a non-empty string', key),
    keys(keys) {
      strings('keys', keys);
      cache.must((keys as unknown[]).length <= MOST_KEYS, 'keys', `at most ${MOST_KEYS}`, keys);
    },
    pairs(pairs) {
      const isIterable = typeof pairs === 'object' && pairs !== null && Symbol.iterator in pairs;
      cache.must(isIterable, 'loadMany', 'a function that gives a Map, or pairs', pairs);
    },
    tags(tags) {
      strings('tags', tags);
      cache.must(tags.length <= MOST_TAGS, 'tags', `at most ${MOST_TAGS}`, tags);
    },
    ttlMs: (ms) => cache.integer('ttlMs', ms, 1, LONGEST_MS),
    version: (version) => cache.integer('version', version, 0),
    get(options, method = 'getOrLoad') {
      // As nearly every call is: nothing is made for it.
      if (namesNothingButTags(options)) {
        const { tags = NO_TAGS }: Pick<GetOptions, 'tags'> = options;
        checks.tags(tags);
        return { tags, freshness: own };
      }
      const check = optionChecks(method, options);
      check.known(['tags', ...FRESHNESS_OPTIONS], RIVALS);
      const { tags = [], ...given } = options;
      const differing: Partial<Freshness> = Object.fromEntries(
        Object.entries(given).filter(([, value]) => value !== undefined),
      );
      checks.tags(tags);
      const isAsEver = Object.keys(differing).length === 0;
      return {
        tags,
        freshness: isAsEver ? own : checkedFreshness(check, { ...own, ...negativeOf(differing, own), ...differing }),
      };
    },
    invalidation(invalidation) {
      const check = optionChecks('invalidate', invalidation);
      check.known(['keys', 'tags', 'quarantineMs'], { key: 'keys', tag: 'tags' });
      strings('keys', invalidation.keys ?? []);
      strings('tags', invalidation.tags ?? []);
      const isNamed = invalidation.keys !== undefined || invalidation.tags !== undefined;
      check.must(isNamed, 'keys', 'given, or tags', undefined);
    },
    quarantineMs: (ms) => cache.integer('quarantineMs', ms, 0, LONGEST_MS),
    loader: (loader, name = 'loader') => cache.must(typeof loader === 'function', name, 'a function', loader),
    quarantine: (options) => optionChecks('clear', options).known(['quarantineMs']),
    write(write, options) {
      cache.must(typeof write === 'function', 'write', 'a function', write);
      optionChecks('writeThrough', options).known(['tags', 'quarantineMs'], { tag: 'tags' });
    },
  };
  return checks;
}

const NO_TAGS: readonly string[] = [];

function namesNothingButTags(options: unknown): boolean {
  if (typeof options !== 'object' || options === null) return false;
  for (const name in options) if (name !== 'tags') return false;
  return true;
}

/** A call with a shorter `ttlMs` keeps what is not there no longer than what is. */
const negativeOf = ({ ttlMs }: Partial<Freshness>, own: Required<Freshness>): Partial<Freshness> =>
  ttlMs === undefined ? {} : { negativeTtlMs: Math.min(own.negativeTtlMs, ttlMs) };
