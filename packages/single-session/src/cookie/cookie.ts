/**
 * All values that a Cookie header gives one name. Here and not by a library, because libraries answer with one of them:
 * two mean that somebody else could set one, and which of them comes first is theirs to choose. A token needs no decoding.
 */
export function cookieValues(header: string | undefined, name: string): string[] {
  return (header ?? '')
    .split(';')
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(`${name}=`))
    .map((pair) => pair.slice(name.length + 1));
}

/** What `__Host-` promises, and browsers hold a server to (RFC 6265bis §4.1.3.2): Secure, Path=/ and no Domain. */
export const setCookie = (name: string, value: string, maxAgeS: number, sameSite: 'Lax' | 'Strict'): string =>
  `${name}=${value}; Max-Age=${maxAgeS}; Path=/; HttpOnly; Secure; SameSite=${sameSite}`;

/** Browsers drop a longer cookie without a word (RFC 6265bis §5.6): name and value, in bytes. */
export const LONGEST_COOKIE = 4096;

const NAME = /^__Host-[\w.-]+$/;

export const isHostCookieName = (value: unknown): value is string => typeof value === 'string' && NAME.test(value);
