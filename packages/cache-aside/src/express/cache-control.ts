/** The directives of a Cache-Control field (RFC 9111 §5.2), by their names in lower case; `true`: without a value. */
export type Directives = ReadonlyMap<string, string | true>;

const DIRECTIVE = /([^\s=,;"]+)\s*(?:=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,;"]*)))?/g;

/** Of a directive that comes twice, what is no number counts, or else the lower one: neither makes anything fresher. */
export function directivesOf(field: string | undefined): Directives {
  const directives = new Map<string, string | true>();
  for (const [, name = '', quoted, token] of (field ?? '').matchAll(DIRECTIVE)) {
    const value = quoted?.replaceAll(/\\(.)/g, '$1') ?? token ?? true;
    const known = directives.get(name.toLowerCase());
    if (known === undefined || isWorse(value, known)) directives.set(name.toLowerCase(), value);
  }
  return directives;
}

const isWorse = (value: string | true, known: string | true): boolean =>
  /^\d+$/.test(String(known)) && !(Number(value) >= Number(known));

/** More than this is as good as for ever (RFC 9111 §1.2.2). */
const MOST_SECONDS = 2_147_483_648;

/** A delta-seconds in ms; 0 for what is none: what cannot be read is not fresh. */
export function secondsOf(value: string | true | undefined): number | undefined {
  if (value === undefined) return undefined;
  if (value === true || !/^\d+$/.test(value)) return 0;
  return Math.min(Number(value), MOST_SECONDS) * 1000;
}
