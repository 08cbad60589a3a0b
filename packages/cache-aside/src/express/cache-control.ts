/** The directives of a Cache-Control field (RFC 9111 §5.2), by their names in lower case; `true`: without a value. */
export type Directives = ReadonlyMap<string, string | true>;

const NONE: Directives = new Map();

const DIRECTIVE = /([^\s=,;"]+)\s*(?:=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,;"]*)))?/g;

/**
 * Of a directive that comes twice, what is no number counts, or else the lower one: neither makes anything fresher. Of names
 * that it lists all count, and of it without any that.
 */
export function directivesOf(field: string | undefined): Directives {
  if (field === undefined) return NONE;
  const directives = new Map<string, string | true>();
  for (const [, name = '', quoted, token] of field.matchAll(DIRECTIVE)) {
    const value = quoted?.replaceAll(/\\(.)/g, '$1') ?? token ?? true;
    const known = directives.get(name.toLowerCase());
    directives.set(name.toLowerCase(), known === undefined ? value : strictest(known, value));
  }
  return directives;
}

function strictest(known: string | true, value: string | true): string | true {
  if (isCount(known)) return Number(value) >= Number(known) ? known : value;
  if (isCount(value)) return known;
  return known === true || value === true ? true : `${known},${value}`;
}

const isCount = (value: string | true): boolean => /^\d+$/.test(String(value));

/** More than this is as good as for ever (RFC 9111 §1.2.2). */
const MOST_SECONDS = 2_147_483_648;

/** A delta-seconds in ms; 0 for what is none: what cannot be read is not fresh. */
export function secondsOf(value: string | true | undefined): number | undefined {
  if (value === undefined) return undefined;
  if (value === true || !/^\d+$/.test(value)) return 0;
  return Math.min(Number(value), MOST_SECONDS) * 1000;
}
