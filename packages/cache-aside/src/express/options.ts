import { type HttpRequest, type OptionChecks, OptionError, type RedisClient, optionChecks } from '@turnpike/core';
import { type Cache, type CacheOfAny, createCache } from '../cache.ts';
import { type Engine, engineOf } from '../engine.ts';
import { type Freshness, LONGEST_MS, checkedFreshness } from '../freshness.ts';
import type { Profile, Rules } from './profile.ts';
import { type ScopeOf, safe } from './safe.ts';

export type { ScopeOf } from './safe.ts';

/** What is stored, and of what it is a page. */
export interface PageOptions {
  /**
   * How long a response is fresh that says nothing of it (Cache-Control, Expires), in ms.
   *
   * @default the cache's own
   */
  ttlMs?: number;
  /**
   * How long after that it is served while the route runs again in the background, in ms, where the response does not say
   * (`stale-while-revalidate`, RFC 5861 §3).
   *
   * @default the cache's own: 0
   */
  staleMs?: number;
  /**
   * How long after `ttlMs` it is served in place of a 5xx, in ms, where the response does not say (`stale-if-error`, RFC 5861 §4).
   *
   * @default the cache's own: 0
   */
  staleIfErrorMs?: number;
  /**
   * Who sees the same: `'public'`, all; a function, those for whom it gives the same id. Without it, requests with credentials
   * (Authorization, Cookie, …) pass the cache by.
   */
  scope?: 'public' | ScopeOf;
  /** What a page depends on: `invalidates({ tags })` with one of them drops it. Handlers add to them by `cacheTags`. */
  tags?: (req: HttpRequest) => readonly string[];
  /**
   * The query parameters that make a difference; whatever else a URL holds is left out of account.
   *
   * @default all
   */
  query?: readonly string[];
  /**
   * Statuses that are stored beside 200, 203, 204, 301 and 308, and for how long, in ms: `{ 404: 5000 }`.
   *
   * @default {}
   */
  negative?: Readonly<Record<number, number>>;
  /**
   * `rfc9111()` of `@turnpike/cache-aside/rfc9111`: to be a shared cache of HTTP by the letter of RFC 9111, as in front of
   * another server. `ttlMs`, `scope` and `negative` have no meaning with it.
   *
   * @default safe for whatever handler stands behind it
   */
  profile?: Profile;
}

/** A cache that was made before, or what one is made of. */
export type CacheSource =
  | { cache: Cache | CacheOfAny; redis?: never }
  | {
      /** Your client: ioredis 5.4 or later, or a Cluster that reads from its masters. */
      redis: RedisClient;
      cache?: never;
      /** @default 'turnpike' */
      prefix?: string;
      /** How long Redis may take before the handler runs without it, in ms. @default 50 */
      deadlineMs?: number;
      /** The largest body that is stored, in bytes; a longer one streams by. @default 1048576 */
      maxBytes?: number;
      /** How long others wait for one run of a handler, in ms. @default 10000 */
      loadTimeoutMs?: number;
    };

/** What `cacheResponse` takes. With `redis`, `ttlMs` is required, unless a `profile` knows better. */
export type CacheResponseOptions = PageOptions & CacheSource;

const PAGE_OPTIONS = ['ttlMs', 'staleMs', 'staleIfErrorMs', 'scope', 'tags', 'query', 'negative', 'profile'];
const OF_REDIS = ['prefix', 'deadlineMs', 'maxBytes', 'loadTimeoutMs'];

/** What others call our options. */
const RIVALS: Readonly<Record<string, string>> = {
  ttl: 'ttlMs, in ms,',
  duration: 'ttlMs, in ms,',
  maxAge: 'ttlMs, in ms,',
  expire: 'ttlMs, in ms,',
  defaultDuration: 'ttlMs, in ms,',
  stale: 'staleMs, in ms,',
  staleWhileRevalidate: 'staleMs, in ms,',
  staleIfError: 'staleIfErrorMs, in ms,',
  redisClient: 'redis',
  client: 'redis',
  store: 'redis',
  statusCodes: 'negative',
  appendKey: 'scope',
  private: 'scope',
  userId: 'scope',
  groups: 'tags',
  tag: 'tags',
  keyPrefix: 'prefix',
  key: 'scope, or query,',
  cacheKey: 'scope, or query,',
  host: 'redis',
};

export interface CheckedPageOptions {
  /** The name of another than the safe one. */
  readonly profile: string | undefined;
  readonly rules: Rules;
  readonly query: readonly string[] | undefined;
  readonly cache: Cache | CacheOfAny;
  readonly engine: Engine;
  readonly tags: (req: HttpRequest) => readonly string[];
}

/** @throws OptionError when an option breaks its rule */
export function checkedPageOptions(options: CacheResponseOptions): CheckedPageOptions {
  const check = optionChecks('cacheResponse', options);
  check.known(['redis', 'cache', ...PAGE_OPTIONS, ...OF_REDIS], RIVALS);
  const { ttlMs, staleMs, staleIfErrorMs, scope, tags = () => [], query, negative = {}, profile } = options;
  checkProfile(check, options);
  if (options.redis !== undefined && profile === undefined)
    check.must(ttlMs !== undefined, 'ttlMs', 'given with redis, in ms', ttlMs);
  const lasting = given({ ttlMs, staleMs, staleIfErrorMs });
  check.must(
    scope === undefined || scope === 'public' || typeof scope === 'function',
    'scope',
    "'public', or a function that gives the user's id",
    scope,
  );
  check.optionalFunction('tags', tags);
  const areNames = query === undefined || (Array.isArray(query) && query.every((name) => typeof name === 'string'));
  check.must(areNames, 'query', 'an array of names', query);
  const isPlain = typeof negative === 'object' && negative !== null && !(Symbol.iterator in negative);
  check.must(isPlain, 'negative', 'an object of TTLs by status', negative);
  for (const [status, ms] of Object.entries(negative)) {
    const isStatus = /^[345]\d\d$/.test(status) && status !== '304';
    check.must(isStatus, 'negative', 'of statuses from 300 to 599, and not 304', status);
    check.integer(`negative[${status}]`, ms, 1, LONGEST_MS);
  }
  const source = sourceOf('cacheResponse', options, lasting);
  const freshness = checkedFreshness(check, { ...source.engine.freshness, ...lasting });
  const ofNegative = new Map(Object.entries(negative).map(([status, ms]) => [Number(status), ms]));
  const ofSafe = (): Rules =>
    safe({
      scope,
      isAllowed: (status) => ofNegative.has(status),
      otherwise(status) {
        const ms = ofNegative.get(status);
        return ms === undefined
          ? freshness
          : { ...freshness, ttlMs: ms, negativeTtlMs: ms, staleMs: 0, staleIfErrorMs: 0 };
      },
    });
  // What a cache is made with is no agreement with this handler.
  const agreed = { staleMs: staleMs ?? 0, staleIfErrorMs: staleIfErrorMs ?? 0 };
  return { ...source, profile: profile?.name, rules: profile?.rulesOf(agreed) ?? ofSafe(), query, tags };
}

function checkProfile(check: OptionChecks, options: CacheResponseOptions): void {
  const { profile } = options;
  if (profile === undefined) return;
  check.must(typeof profile?.rulesOf === 'function', 'profile', 'made by rfc9111()', profile);
  for (const [name, why] of Object.entries(profile.excludes)) {
    const value = (options as unknown as Record<string, unknown>)[name];
    check.must(value === undefined, name, `left out with this profile: ${why}`, value);
  }
}

/** What `invalidates` takes. */
export type InvalidatesOptions = CacheSource & {
  /**
   * What has changed, beside the URL's own path. A function is asked before the handler runs and after it, and what it gives
   * either time is dropped.
   *
   * @default []
   */
  tags?: readonly string[] | ((req: HttpRequest) => readonly string[]);
};

export interface CheckedInvalidatesOptions {
  readonly cache: Cache | CacheOfAny;
  readonly engine: Engine;
  readonly tags: (req: HttpRequest) => readonly string[];
}

/** @throws OptionError when an option breaks its rule */
export function checkedInvalidatesOptions(options: InvalidatesOptions): CheckedInvalidatesOptions {
  const check = optionChecks('invalidates', options);
  const names = ['redis', 'cache', 'tags', ...OF_REDIS];
  check.known(names, Object.fromEntries(Object.entries(RIVALS).filter(([, ours]) => names.includes(ours))));
  const { tags = [] } = options;
  const areTags = Array.isArray(tags) && tags.every((tag) => typeof tag === 'string' && tag !== '');
  check.must(typeof tags === 'function' || areTags, 'tags', 'non-empty strings, or a function that gives them', tags);
  const source = sourceOf('invalidates', options, { ttlMs: 1 });
  return { ...source, tags: typeof tags === 'function' ? tags : () => tags };
}

function sourceOf(
  factory: string,
  options: CacheSource,
  freshness: Partial<Freshness>,
): { cache: Cache | CacheOfAny; engine: Engine } {
  const { cache, redis, ...rest } = options;
  if ((cache === undefined) === (redis === undefined)) {
    throw new OptionError(`${factory}: either option "redis" or option "cache" must be given`);
  }
  if (cache === undefined) {
    const ofCache = Object.fromEntries(Object.entries(rest).filter(([name]) => OF_REDIS.includes(name)));
    const made = createCache({ redis, ttlMs: 1, ...given(ofCache), ...freshness });
    return { cache: made, engine: engineOf(made) as Engine };
  }
  const check = optionChecks(factory, options);
  for (const name of OF_REDIS) {
    const value = (rest as Record<string, unknown>)[name];
    check.must(value === undefined, name, 'left to createCache where "cache" is given', value);
  }
  const engine = typeof cache === 'object' && cache !== null ? engineOf(cache) : undefined;
  if (engine === undefined) check.must(false, 'cache', 'made by createCache', cache);
  return { cache, engine: engine as Engine };
}

const given = <T extends object>(options: T): { [Key in keyof T]: NonNullable<T[Key]> } =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as {
    [Key in keyof T]: NonNullable<T[Key]>;
  };
