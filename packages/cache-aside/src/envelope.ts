/**
 * An entry is one string: `<layout 1><state 1><token 12><untilMs 13><freshUntilMs 13><kind 1><metaLength 5>`, then meta
 * (`<incarnation> <stamp> <version> <loadMs> <tag> <tag> …`), then the payload. lua/lib/entry-head.lua reads the same head.
 */
const HEAD = /^1([LFP-])([\w-]{12})(\d{13})(\d{13})([JBjbE-])(\d{5})$/;
const HEAD_BYTES = 46;
const META = /^(\S+) (\d+) (\d+|-) (\d+)((?: \S+)*)$/;

/** An instant of the logical clock. Those of another incarnation mean nothing. */
export interface Stamp {
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
  readonly token: string;
  /** Until when it is held, by the server's time. */
  readonly untilMs: number;
  readonly freshUntilMs: number;
  readonly kind: Kind;
  readonly payload: Buffer;
}

/** As `release` and `lease` write them. */
const STATES: Readonly<Record<string, State>> = { L: 'leased', F: 'failed', P: 'passed', '-': 'none' };

/** False: it says who loads, or what came of that. */
export const holdsValue = ({ kind }: Pick<Entry, 'kind'>): boolean => kind !== 'E' && kind !== '-';

/** The meta of an entry, as it is stored. */
export const metaText = ({ stamp, tags, version, loadMs }: Meta): string =>
  [stamp.incarnation, stamp.us, version ?? '-', loadMs ?? 0, ...tags].join(' ');

/** Undefined for what no script of this layout wrote: another version's, another program's, half of one. */
export function parsedEntry(bytes: Buffer): Entry | undefined {
  const head = HEAD.exec(bytes.toString('latin1', 0, HEAD_BYTES));
  if (head === null) return undefined;
  const [, letter = '', token = '', untilMs, freshUntilMs, kind, metaLength] = head;
  const end = HEAD_BYTES + Number(metaLength);
  const meta = bytes.length < end ? null : META.exec(bytes.toString('latin1', HEAD_BYTES, end));
  if (meta === null) return undefined;
  const [, incarnation = '', us, version, loadMs, tags = ''] = meta;
  return {
    state: STATES[letter] ?? 'none',
    token,
    untilMs: Number(untilMs),
    freshUntilMs: Number(freshUntilMs),
    kind: kind as Kind,
    stamp: { incarnation, us: Number(us) },
    version: version === '-' ? undefined : Number(version),
    loadMs: Number(loadMs),
    tags: tags === '' ? [] : tags.slice(1).split(' '),
    payload: bytes.subarray(end),
  };
}

/** What tells one state of an entry from every other: a lease is given only over what its caller has seen. */
export function seenOf(
  bytes: Buffer | null,
  entry: Entry | undefined = bytes ? parsedEntry(bytes) : undefined,
): Buffer {
  if (bytes === null) return Buffer.alloc(0);
  return bytes.subarray(0, entry === undefined ? HEAD_BYTES : bytes.length - entry.payload.length);
}
