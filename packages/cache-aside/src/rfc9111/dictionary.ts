/** A bare item of a structured field (RFC 8941 §3.3). Bytes are left as they were written. */
type BareItem =
  | { readonly type: 'integer' | 'decimal'; readonly value: number }
  | { readonly type: 'string' | 'token' | 'bytes'; readonly value: string }
  | { readonly type: 'boolean'; readonly value: boolean };

/** Of an inner list there is nothing to know here but that it is one. */
export type Member = BareItem | { readonly type: 'list' };

const KEY = /[a-z*][a-z0-9_.*-]*/y;
const NUMBER = /-?\d+(?:\.\d+)?/y;
const STRING = /"(?:[ !#-[\]-~]|\\["\\])*"/y;
const TOKEN = /[A-Za-z*][!#$%&'*+.^_`|~\w:/-]*/y;
const BYTES = /:[A-Za-z0-9+/=]*:/y;
const BOOLEAN = /\?[01]/y;

/** An integer has 15 digits at most; a decimal 12, and 3 behind its point. */
const IN_RANGE = /^-?(?:\d{1,15}|\d{1,12}\.\d{1,3})$/;

class Malformed extends Error {}

/**
 * A dictionary of structured fields (RFC 8941 §3.2, §4.2.2): of a key that comes twice the last counts; parameters are left out.
 * Undefined for what is none: one mistake makes all of it void.
 */
export function dictionaryOf(field: string): ReadonlyMap<string, Member> | undefined {
  const reading = reader(field);
  try {
    return readDictionary(reading);
  } catch (thrown) {
    if (thrown instanceof Malformed) return undefined;
    throw thrown;
  }
}

interface Reading {
  /** What is next, if it matches. */
  take(pattern: RegExp): string | undefined;
  need(pattern: RegExp): string;
  readonly isAtEnd: boolean;
}

function reader(text: string): Reading {
  let at = 0;
  const take = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at;
    const found = pattern.exec(text)?.[0];
    at += found?.length ?? 0;
    return found;
  };
  return {
    take,
    need(pattern) {
      const found = take(pattern);
      if (found === undefined) throw new Malformed();
      return found;
    },
    get isAtEnd() {
      return at === text.length;
    },
  };
}

const SPACES = / */y;
const WHITESPACE = /[ \t]*/y;
const COMMA = /,/y;
const EQUALS = /=/y;
const SEMICOLON = /;/y;
const OPENING = /\(/y;
const CLOSING = /\)/y;
const SPACE = / +/y;

function readDictionary(reading: Reading): ReadonlyMap<string, Member> {
  const members = new Map<string, Member>();
  reading.take(SPACES);
  while (!reading.isAtEnd) {
    const key = reading.need(KEY);
    const value = reading.take(EQUALS) === undefined ? TRUE : readMember(reading);
    readParameters(reading);
    members.delete(key);
    members.set(key, value);
    reading.take(WHITESPACE);
    if (reading.isAtEnd) break;
    reading.need(COMMA);
    reading.take(WHITESPACE);
    // Nothing may follow the last comma but a member.
    if (reading.isAtEnd) throw new Malformed();
  }
  return members;
}

const TRUE: Member = { type: 'boolean', value: true };

function readMember(reading: Reading): Member {
  if (reading.take(OPENING) === undefined) return readBareItem(reading);
  for (let isFirst = true; ; isFirst = false) {
    const isSpaced = reading.take(SPACE) !== undefined;
    if (reading.take(CLOSING) !== undefined) return { type: 'list' };
    if (!isFirst && !isSpaced) throw new Malformed();
    readBareItem(reading);
    readParameters(reading);
  }
}

function readParameters(reading: Reading): void {
  while (reading.take(SEMICOLON) !== undefined) {
    reading.take(SPACES);
    reading.need(KEY);
    if (reading.take(EQUALS) !== undefined) readBareItem(reading);
  }
}

function readBareItem(reading: Reading): BareItem {
  const number = reading.take(NUMBER);
  if (number !== undefined) {
    if (!IN_RANGE.test(number)) throw new Malformed();
    return { type: number.includes('.') ? 'decimal' : 'integer', value: Number(number) };
  }
  const string = reading.take(STRING);
  if (string !== undefined) return { type: 'string', value: string.slice(1, -1).replaceAll(/\\(.)/g, '$1') };
  const token = reading.take(TOKEN);
  if (token !== undefined) return { type: 'token', value: token };
  const bytes = reading.take(BYTES);
  if (bytes !== undefined) return { type: 'bytes', value: bytes };
  return { type: 'boolean', value: reading.need(BOOLEAN) === '?1' };
}
