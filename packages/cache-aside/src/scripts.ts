import { type Script, defineScript } from '@turnpike/core';
import type { State, ValueKind } from './envelope.ts';
import {
  admitLua,
  fillLua,
  forgetLua,
  leaseLua,
  markLua,
  marksLua,
  overwriteLua,
  putLua,
  releaseLua,
} from './lua.gen.ts';

const textOf = (reply: unknown): string => (Buffer.isBuffer(reply) ? reply.toString('latin1') : String(reply));

/** As an entry holds it. */
const tokenBytes = (token: string): Buffer => Buffer.from(token, 'base64url');

/** A wish to load what stands behind a key. */
export interface Leasing {
  readonly key: string;
  readonly token: string;
  readonly leaseMs: number;
  /** Head and meta of the entry as it was read. */
  readonly seen: Buffer;
  /** The value that is there may still be served. */
  readonly keeps: boolean;
  readonly meta: Buffer;
}

/** `entry`: what is there instead of what was seen; empty: nothing. */
export type Leased = { readonly kind: 'leased' } | { readonly kind: 'changed'; readonly entry: Buffer };

export const lease: Script<Leasing, Leased> = defineScript({
  lua: leaseLua,
  grants: true,
  buffers: true,
  encode: ({ key, token, leaseMs, seen, keeps, meta }) => ({
    keys: [key],
    argv: [tokenBytes(token), leaseMs, seen, keeps ? 1 : 0, meta],
  }),
  decode(reply) {
    const [tag, entry] = reply as [tag: Buffer, entry: Buffer];
    return textOf(tag) === 'leased' ? { kind: 'leased' } : { kind: 'changed', entry };
  },
});

/** A value, and how long it lasts from when it is stored. */
export interface Stored {
  readonly key: string;
  readonly channel: string;
  readonly kind: ValueKind;
  readonly payload: Buffer;
  readonly freshMs: number;
  readonly lifeMs: number;
}

export interface Fill extends Stored {
  readonly token: string;
  readonly meta: Buffer;
}

export const fill: Script<Fill, 'stored' | 'refused'> = defineScript({
  lua: fillLua,
  encode: ({ key, token, channel, freshMs, lifeMs, kind, meta, payload }) => ({
    keys: [key],
    argv: [tokenBytes(token), channel, freshMs, lifeMs, kind, meta, payload],
  }),
  decode: (reply) => (reply as [tag: 'stored' | 'refused'])[0],
});

/** Resolves to whether it was stored. */
export const put: Script<Stored & { readonly meta: Buffer }, boolean> = defineScript({
  lua: putLua,
  encode: ({ key, channel, freshMs, lifeMs, kind, meta, payload }) => ({
    keys: [key],
    argv: [channel, freshMs, lifeMs, kind, meta, payload],
  }),
  decode: (reply) => (reply as [tag: 'put' | 'newer'])[0] === 'put',
});

interface Admission {
  readonly key: string;
  readonly variant: string;
  readonly ttlMs: number;
  readonly maxVariants: number;
}

/** Resolves to the variants that have to go. */
export const admit: Script<Admission, readonly string[]> = defineScript({
  lua: admitLua,
  encode: ({ key, variant, ttlMs, maxVariants }) => ({ keys: [key], argv: [variant, ttlMs, maxVariants] }),
  decode: (reply) => (reply as [tag: 'admitted', dropped: string[]])[1],
});

export interface Release {
  readonly key: string;
  readonly token: string;
  readonly channel: string;
  /** What came of the load: it failed, it brought nothing to store, or it never began. */
  readonly state: Exclude<State, 'leased'>;
  readonly pauseMs: number;
  readonly meta: Buffer;
  /** The error, as it is told to others; empty where there is none. */
  readonly failure: string;
}

const LETTERS = { failed: 'F', passed: 'P', none: '-' } as const;

/** Resolves to false when the lease was no longer there. */
export const release: Script<Release, boolean> = defineScript({
  lua: releaseLua,
  encode: ({ key, token, channel, state, pauseMs, meta, failure }) => ({
    keys: [key],
    argv: [tokenBytes(token), channel, LETTERS[state], pauseMs, meta, failure],
  }),
  decode: (reply) => (reply as [tag: 'released' | 'gone'])[0] === 'released',
});

export const forget: Script<{ readonly key: string; readonly channel: string }, void> = defineScript({
  lua: forgetLua,
  encode: ({ key, channel }) => ({ keys: [key], argv: [channel] }),
  decode: () => undefined,
});

export type Overwritten = 'overwritten' | 'newer' | 'forgotten';

export const overwrite: Script<Stored & { readonly version: number }, Overwritten> = defineScript({
  lua: overwriteLua,
  encode: ({ key, version, channel, freshMs, lifeMs, kind, payload }) => ({
    keys: [key],
    argv: [version, channel, freshMs, lifeMs, kind, payload],
  }),
  decode: (reply) => (reply as [tag: Overwritten])[0],
});

/** The clock of a cache and its marks: three keys of one slot. */
interface ClockKeys {
  readonly clockKey: string;
  readonly marksKey: string;
  /** When marks were made that are dated ahead. */
  readonly madeKey: string;
  /** Of the clock, should there be none: random, and new for each call. */
  readonly incarnation: string;
  readonly ttlMs: number;
}

export interface Marking extends ClockKeys {
  readonly tags: readonly string[];
  readonly everything: boolean;
  readonly aheadMs: number;
  readonly maxMarks: number;
}

/** Resolves to the clock, as text. */
export const mark: Script<Marking, string> = defineScript({
  lua: markLua,
  encode: ({ clockKey, marksKey, madeKey, incarnation, ttlMs, aheadMs, everything, maxMarks, tags }) => ({
    keys: [clockKey, marksKey, madeKey],
    argv: [incarnation, ttlMs, aheadMs, everything ? 1 : 0, maxMarks, ...tags],
  }),
  decode: (reply) => (reply as [tag: 'marked', clock: string])[1],
});

export interface MarksSince extends ClockKeys {
  /** All marks up to it are known. */
  readonly known: Instant | undefined;
  /** The latest instant that was seen of the clock. */
  readonly latest: Instant | undefined;
}

interface Instant {
  readonly incarnation: string;
  readonly tickUs: number;
}

/** What is among the marks of every clock: marks that were lost are told from none by it. No tag has such a name. */
const NO_TAG = '*';

type Instants = readonly (readonly [tag: string, us: number])[];

export interface Marks {
  readonly clock: string;
  readonly marks: Instants;
  /** Of marks that are dated ahead. */
  readonly made: Instants;
}

const instantsOf = (flat: readonly string[]): Instants =>
  Array.from({ length: flat.length / 2 }, (_, n) => [String(flat[2 * n]), Number(flat[2 * n + 1])] as const);

export const marks: Script<MarksSince, Marks> = defineScript({
  lua: marksLua,
  encode: ({ clockKey, marksKey, madeKey, incarnation, ttlMs, known, latest }) => ({
    keys: [clockKey, marksKey, madeKey],
    argv: [
      incarnation,
      ttlMs,
      known?.incarnation ?? '',
      known?.tickUs ?? 0,
      latest?.incarnation ?? '',
      latest?.tickUs ?? 0,
    ],
  }),
  decode(reply) {
    const [, clock, marked, made] = reply as [tag: 'marks', clock: string, marks: string[], made: string[]];
    return { clock, marks: instantsOf(marked).filter(([tag]) => tag !== NO_TAG), made: instantsOf(made) };
  },
});
