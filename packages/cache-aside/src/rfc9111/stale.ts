import { type Directives, secondsOf } from '../express/cache-control.ts';
import type { Staleness } from '../freshness.ts';
import { isUnqualified } from './qualified.ts';

/** What forbids a shared cache to serve an answer that is stale, whoever wants it (RFC 9111 §4.2.4). */
const STRICT = ['must-revalidate', 'proxy-revalidate', 's-maxage'];

/** `no-cache` with names is about these fields only (RFC 9111 §5.2.2.4). */
export const isStrict = (directives: Directives): boolean =>
  STRICT.some((name) => directives.has(name)) || isUnqualified(directives, 'no-cache');

/** How long an answer may be stale, and what for (RFC 5861): by its own word, or else by agreement with who gave it. */
export function stalenessBy(directives: Directives, agreed: Staleness): Staleness {
  if (isStrict(directives)) return { staleMs: 0, staleIfErrorMs: 0 };
  return {
    staleMs: secondsOf(directives.get('stale-while-revalidate')) ?? agreed.staleMs,
    staleIfErrorMs: secondsOf(directives.get('stale-if-error')) ?? agreed.staleIfErrorMs,
  };
}
