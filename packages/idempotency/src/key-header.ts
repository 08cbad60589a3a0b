/** What the lines of an `Idempotency-Key` header say. */
export type KeyHeader =
  | { readonly kind: 'key'; readonly key: string }
  | { readonly kind: 'missing' }
  | { readonly kind: 'malformed'; readonly why: string };

/** The longest key, in characters. */
const LONGEST = 255;

/** A String of structured fields (RFC 9651 §3.3.3): visible ASCII and spaces in quotes, `"` and `\` escaped. */
const QUOTED = /^"((?:[ !#-[\]-~]|\\["\\])*)"$/;

/** What clients send without the quotes that the draft asks for: visible ASCII but quotes, and what would separate. */
const BARE = /^[!#-+\--:<-~]*$/;

const malformed = (why: string): KeyHeader => ({ kind: 'malformed', why });

/**
 * The key, quoted as draft-ietf-httpapi-idempotency-key-header-07 §2.1 has it or bare as many send it: `"k"` and `k` are one
 * key.
 */
export function keyFrom(lines: readonly string[] = []): KeyHeader {
  const [line, ...more] = lines;
  if (line === undefined) return { kind: 'missing' };
  if (more.length > 0) return malformed('it is there more than once');
  const key = line.startsWith('"') ? QUOTED.exec(line)?.[1]?.replaceAll(/\\(.)/g, '$1') : BARE.exec(line)?.[0];
  if (key === undefined) return malformed('it is no string of visible ASCII, in quotes or bare');
  if (key === '') return malformed('it is empty');
  if (key.length > LONGEST) return malformed(`it is longer than ${LONGEST} characters`);
  return { kind: 'key', key };
}
