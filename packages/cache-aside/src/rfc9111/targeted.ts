import { type Directives, directivesOf } from '../express/cache-control.ts';
import type { Head } from '../express/storable.ts';
import { type Member, dictionaryOf } from './dictionary.ts';

/** By what an answer is judged. */
export interface Policy {
  readonly directives: Directives;
  /** Undefined: there is none, or it does not count. */
  readonly expires: string | undefined;
}

/**
 * The directives for this cache (RFC 9213 §2.2): of the first of `targets` that is there and valid, instead of Cache-Control and
 * Expires; else of these.
 */
export function policyOf(headers: Head['headers'], targets: readonly string[]): Policy {
  for (const name of targets) {
    const directives = directivesIn(headers[name]);
    if (directives !== undefined) return { directives, expires: undefined };
  }
  return { directives: directivesOf(headers['cache-control']), expires: headers['expires'] };
}

/** Undefined for a field that is not there, empty, or no dictionary: as if it was not there (RFC 9213 §2.1). */
function directivesIn(field: string | undefined): Directives | undefined {
  const members = field === undefined ? undefined : dictionaryOf(field);
  if (members === undefined || members.size === 0) return undefined;
  const directives = new Map<string, string | true>();
  for (const [name, member] of members) {
    const value = valueOf(name, member);
    if (value !== undefined) directives.set(name, value);
  }
  return directives;
}

const SECONDS = new Set(['max-age', 's-maxage', 'stale-while-revalidate', 'stale-if-error']);
const NAMES = new Set(['no-cache', 'private']);

/** Of which types a directive may be; what is of another is left out (RFC 9213 §2.1). */
const typesOf = (name: string): readonly Member['type'][] => {
  if (SECONDS.has(name)) return ['integer'];
  return NAMES.has(name) ? ['boolean', 'string'] : ['boolean'];
};

function valueOf(name: string, member: Member): string | true | undefined {
  if (!typesOf(name).includes(member.type) || member.type === 'list') return undefined;
  if (member.type === 'boolean') return member.value || undefined;
  return String(member.value);
}
