import type { CallChecks } from './cache-options.ts';
import type { Freshness } from './freshness.ts';
import type { Pages } from './pages.ts';
import type { Places } from './places.ts';
import type { Serving } from './serving.ts';

/** A cache, as the rest of this package sees it. */
export interface Engine {
  readonly freshness: Required<Freshness>;
  readonly maxBytes: number;
  readonly places: Places;
  readonly check: CallChecks;
  readonly pages: Pages;
  readonly look: Serving['look'];
  readonly hit: Serving['hit'];
  readonly renew: Serving['renew'];
  /** As `getOrLoad`, for what is no key: see `Call`. */
  readonly pageOf: Serving['outcomeOf'];
}

const engines = new WeakMap<object, Engine>();

export const registerEngine = (cache: object, engine: Engine): void => void engines.set(cache, engine);

/** Undefined for what `createCache` has not made. */
export const engineOf = (cache: object): Engine | undefined => engines.get(cache);
