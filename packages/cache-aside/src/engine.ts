import type { CallChecks } from './cache-options.ts';
import type { Freshness } from './freshness.ts';
import type { Outcome } from './loaded.ts';
import type { Call } from './loads.ts';
import type { Pages } from './pages.ts';
import type { Places } from './places.ts';

/** A cache, as the rest of this package sees it. */
export interface Engine {
  readonly freshness: Required<Freshness>;
  readonly maxBytes: number;
  readonly places: Places;
  readonly check: CallChecks;
  readonly pages: Pages;
  /** As `getOrLoad`, for what is no key: see `Call`. */
  pageOf(call: Call): Promise<Outcome>;
  /** What is there and may be served; undefined: nothing. */
  peek(call: Call): Promise<Outcome | undefined>;
}

const engines = new WeakMap<object, Engine>();

export const registerEngine = (cache: object, engine: Engine): void => void engines.set(cache, engine);

/** Undefined for what `createCache` has not made. */
export const engineOf = (cache: object): Engine | undefined => engines.get(cache);
