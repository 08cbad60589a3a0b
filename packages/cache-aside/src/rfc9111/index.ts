import type { Profile } from '../express/profile.ts';
import { type Rfc9111Options, checkedOptions } from './options.ts';
import { sharedCache } from './profile.ts';

export type { Rfc9111Options } from './options.ts';

/**
 * For `cacheResponse({ profile: rfc9111() })`: a shared cache of HTTP by the letter of RFC 9111, with RFC 5861 (stale), 9211
 * (`Cache-Status`) and 9213 (targeted fields). It trusts what responses say of themselves: a handler whose answers differ by who
 * asks has to say so (`private`, `Vary`, `no-store`).
 *
 * @throws OptionError when an option breaks its rule
 */
export function rfc9111(options: Rfc9111Options = {}): Profile {
  const checked = checkedOptions(options);
  return {
    name: 'rfc9111',
    excludes: {
      ttlMs: 'how long a response is fresh is for itself to say, or for its Last-Modified',
      scope: 'a shared cache has no pages of one user',
      negative: 'which statuses are stored is for RFC 9111 to say',
    },
    rulesOf: (staleness) => sharedCache(checked, staleness),
  };
}
