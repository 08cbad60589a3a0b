import { createHash, createHmac } from 'node:crypto';
import { optionChecks } from './options.ts';

const PLAIN = /^[A-Za-z0-9._-]{1,64}$/;

/** Begins every digest. No plain segment can hold it, so a digest never meets a plain segment. */
const DIGEST_MARK = '~';

/** 192 of SHA-256's 256 bits: 32 characters instead of 43, and still 2⁹⁶ work to find two that meet. */
const DIGEST_CHARS = 32;

/** Raised with every change of layout: in a rolling deploy, old and new scripts must not read each other's values. */
const LAYOUT = 'v1';

/** A segment as it is when plain, otherwise its SHA-256: distinct values give distinct segments. */
export function segment(value: string): string {
  if (PLAIN.test(value)) return value;
  // utf16le, because utf8 folds every lone surrogate into one character.
  return DIGEST_MARK + createHash('sha256').update(value, 'utf16le').digest('base64url').slice(0, DIGEST_CHARS);
}

/**
 * A stand-in for what identifies a person (an address, an e-mail): its HMAC-SHA-256 under `pepper`, so that a dump of
 * Redis cannot be turned back by guessing.
 */
export function pseudonym(value: string, pepper: string): string {
  return createHmac('sha256', pepper).update(value, 'utf16le').digest('base64url').slice(0, DIGEST_CHARS);
}

/** Makes the key of the thing that `id` names. All keys of one id share a hash tag, so one script may name them all. */
export type Keyspace = (id: readonly string[], part?: string) => string;

/**
 * The keys of one package under one prefix: `<prefix>:v1:<package>:{<id>}[:part]`. Distinct ids never share a key, and
 * nothing of an id outside `[A-Za-z0-9._-]` reaches Redis: braces, globs, NUL and megabytes become a digest. What all ids
 * begin with may be given once, as `begin`.
 *
 * @throws OptionError when `prefix` is not 1 to 64 of `[A-Za-z0-9._-]`
 */
export function keyspace(packageName: string, prefix: string, begin: readonly string[] = []): Keyspace {
  optionChecks(packageName, { prefix }).must(PLAIN.test(prefix), 'prefix', '1 to 64 of A-Z a-z 0-9 . _ -', prefix);
  const head = `${prefix}:${LAYOUT}:${packageName}:{${begin.map((part) => `${segment(part)}:`).join('')}`;
  return (id, part) => {
    let path = '';
    for (const name of id) path += path === '' ? segment(name) : `:${segment(name)}`;
    return part === undefined ? `${head}${path}}` : `${head}${path}}:${part}`;
  };
}
