/**
 * An entry is one string: `<layout 1><state 1><token 9><untilMs 6><freshUntilMs 6><kind 1><metaLength 3>`, then meta
 * (`<incarnation 6><stamp 8><loadMs 2>`, and in words `#<version> <tag> <tag> …`), then the payload. Numbers are big-endian;
 * the stamp is a double, as it is in Lua. lua/lib/entry-head.lua reads the same head.
 */
const LAYOUT = '2';
const AT = { state: 1, token: 2, untilMs: 11, freshUntilMs: 17, kind: 23, metaLength: 24 } as const;
const HEAD_BYTES = 27;
const AT_IN_META = { incarnation: 0, stamp: 6, loadMs: 14, words: 16 } as const;

/** Of a load that took longer no more is kept: all that is drawn from it is how much earlier it has to begin. */
const MOST_LOAD_MS = 0xffff;

/** An instant of the logical clock. Those of another incarnation mean nothing. */
export interface Stamp {
  /** 48 bits, as base64url. */
  readonly incarnation: string;
  readonly us: number;
}

/** Of an entry's load: `leased`: its token may load and store; `failed`; `passed`: it brought nothing to store; `none`. */
export type State = 'leased' | 'failed' | 'passed' | 'none';

/** What an entry carries: a serialized value, bytes, either of them compressed, the error of a load, nothing. */
type Kind = ValueKind | 'E' | '-';

export type ValueKind = PlainKind | 'j' | 'b';

export type PlainKind = 'J' | 'B';

/** What is known of a value beside the value. */
export interface Meta {
  /** The clock, read before the value was. */
  readonly stamp: Stamp;
  readonly tags: readonly string[];
  readonly version?: number | undefined;
  /** How long its loader took, in ms; 0: that is not known. */
  readonly loadMs?: number | undefined;
}

export interface Entry extends Meta {
  readonly state: State;
  /** 72 bits, as base64url; empty where nobody holds it. */
  readonly token: string;
  /** Until when it is held, by the server's time. */
  readonly untilMs: number;
  readonly freshUntilMs: number;
  readonly kind: Kind;
  readonly payload: Buffer;
}

/** As `release` and `lease` write them. */
const STATES: Readonly<Record<string, State>> = { L: 'leased', F: 'failed', P: 'passed', '-': 'none' };

const KINDS: Readonly<Record<string, Kind>> = { J: 'J', B: 'B', j: 'j', b: 'b', E: 'E', '-': '-' };

/** False: it says who loads, or what came of that. */
export const holdsValue = ({ kind }: Pick<Entry, 'kind'>): boolean => kind !== 'E' && kind !== '-';

export const isCompressed = ({ kind }: Pick<Entry, 'kind'>): boolean => kind === 'j' || kind === 'b';

/** The meta of an entry, as it is stored. */
export function metaBytes({ stamp, tags, version, loadMs = 0 }: Meta): Buffer {
  const words = (version === undefined ? tags : [`#${version}`, ...tags]).join(' ');
  const bytes = Buffer.alloc(AT_IN_META.words + words.length);
  bytes.write(stamp.incarnation, AT_IN_META.incarnation, 'base64url');
  bytes.writeDoubleBE(stamp.us, AT_IN_META.stamp);
  bytes.writeUInt16BE(Math.min(loadMs, MOST_LOAD_MS), AT_IN_META.loadMs);
  bytes.write(words, AT_IN_META.words, 'latin1');
  return bytes;
}

/** Undefined for what no script of this layout wrote: another version's, another program's, half of one. */
export function parsedEntry(bytes: Buffer): Entry | undefined {
  if (bytes.length < HEAD_BYTES + AT_IN_META.words || letterAt(bytes, 0) !== LAYOUT) return undefined;
  const state = STATES[letterAt(bytes, AT.state)];
  const kind = KINDS[letterAt(bytes, AT.kind)];
  const wordsAt = HEAD_BYTES + AT_IN_META.words;
  const end = HEAD_BYTES + bytes.readUIntBE(AT.metaLength, 3);
  if (state === undefined || kind === undefined || end < wordsAt || end > bytes.length) return undefined;
  const words = wordsAt === end ? NO_WORDS : bytes.toString('latin1', wordsAt, end).split(' ');
  const isVersioned = words[0]?.startsWith('#') === true;
  return {
    state,
    token: state === 'none' ? '' : bytes.toString('base64url', AT.token, AT.untilMs),
    untilMs: bytes.readUIntBE(AT.untilMs, 6),
    freshUntilMs: bytes.readUIntBE(AT.freshUntilMs, 6),
    kind,
    stamp: {
      incarnation: bytes.toString('base64url', HEAD_BYTES, HEAD_BYTES + AT_IN_META.stamp),
      us: bytes.readDoubleBE(HEAD_BYTES + AT_IN_META.stamp),
    },
    version: isVersioned ? Number(words[0]?.slice(1)) : undefined,
    loadMs: bytes.readUInt16BE(HEAD_BYTES + AT_IN_META.loadMs),
    tags: isVersioned ? words.slice(1) : words,
    payload: bytes.subarray(end),
  };
}

const NO_WORDS: readonly string[] = [];

const letterAt = (bytes: Buffer, at: number): string => String.fromCharCode(bytes[at] as number);

/** What tells one state of an entry from every other: a lease is given only over what its caller has seen. */
export function seenOf(bytes: Buffer | null): Buffer {
  if (bytes === null) return Buffer.alloc(0);
  const entry = parsedEntry(bytes);
  return bytes.subarray(0, entry === undefined ? HEAD_BYTES : bytes.length - entry.payload.length);
}
