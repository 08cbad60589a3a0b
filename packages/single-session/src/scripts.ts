import { type Script, defineScript } from '@turnpike/core';
import { admitLua, listLua, revokeLua, rotateLua, verifyLua } from './lua.gen.ts';

/** An integer of Redis: a client may be set to hand it on as a string (`stringNumbers`). */
type Integer = number | string;

/** Why a session ended. */
export type EndReason = 'replaced' | 'revoked' | 'logged_out' | 'idle' | 'expired' | 'unknown' | 'refresh_reused';

/** A session as Redis holds it. */
export interface SessionRecord {
  readonly hash: string;
  readonly gen: number;
  readonly startedMs: number;
  readonly seenMs: number;
  readonly device: string;
}

type SessionReply = [hash: string, gen: Integer, startedMs: Integer, seenMs: Integer, device: string];

const recordOf = ([hash, gen, startedMs, seenMs, device]: SessionReply): SessionRecord => ({
  hash,
  gen: Number(gen),
  startedMs: Number(startedMs),
  seenMs: Number(seenMs),
  device,
});

/** How long sessions live, and how often their use is noted. */
export interface Lifetimes {
  readonly idleMs: number;
  readonly absoluteMs: number;
  readonly seatIdleMs: number;
  readonly touchEveryMs: number;
  readonly healMs: number;
}

export interface Admission {
  readonly key: string;
  readonly channel: string;
  readonly hash: string;
  readonly device: string;
  readonly limit: number;
  readonly policy: 'replace' | 'reject';
  readonly lifetimes: Lifetimes;
  /** The generation of a token whose login Redis may have lost; 0 for a login. */
  readonly healGen: number;
}

export type Admitted =
  | {
      readonly kind: 'admitted';
      /** False when it had been admitted before: by this command sent twice, or by another with the same token. */
      readonly isNew: boolean;
      readonly gen: number;
      readonly startedMs: number;
      /** The beginnings of the hashes of those displaced, and their devices. */
      readonly replaced: readonly { readonly hash: string; readonly device: string }[];
    }
  | { readonly kind: 'rejected'; readonly sessions: readonly SessionRecord[] }
  | { readonly kind: 'refused'; readonly reason: EndReason };

type AdmitReply =
  | [tag: 'admitted' | 'present', gen: Integer, startedMs: Integer, replaced: [hash: string, device: string][]]
  | [tag: 'rejected', sessions: SessionReply[]]
  | [tag: 'refused', reason: EndReason];

export const admit: Script<Admission, Admitted> = defineScript({
  lua: admitLua,
  grants: true,
  encode: ({ key, channel, hash, device, limit, policy, lifetimes, healGen }) => ({
    keys: [key],
    argv: [
      channel,
      hash,
      device,
      limit,
      policy,
      lifetimes.idleMs,
      lifetimes.absoluteMs,
      lifetimes.seatIdleMs,
      healGen,
      lifetimes.healMs,
    ],
  }),
  decode(reply) {
    const said = reply as AdmitReply;
    if (said[0] === 'rejected') return { kind: 'rejected', sessions: said[1].map(recordOf) };
    if (said[0] === 'refused') return { kind: 'refused', reason: said[1] };
    const replaced = said[3].map(([hash, device]) => ({ hash, device }));
    const isNew = said[0] === 'admitted';
    return { kind: 'admitted', isNew, gen: Number(said[1]), startedMs: Number(said[2]), replaced };
  },
});

export interface Verification {
  readonly key: string;
  readonly hash: string;
  readonly gen: number;
  readonly lifetimes: Lifetimes;
}

export type Verified =
  | { readonly kind: 'live'; readonly session: Omit<SessionRecord, 'hash'> }
  /** `atMs` 0 and `device` '' where no details are known. */
  | { readonly kind: 'ended'; readonly reason: EndReason; readonly atMs: number; readonly device: string }
  | { readonly kind: 'lost' };

type VerifyReply =
  | [tag: 'live', gen: Integer, startedMs: Integer, seenMs: Integer, device: string]
  | [tag: 'ended', reason: EndReason, atMs: Integer, device: string]
  | [tag: 'lost'];

export const verify: Script<Verification, Verified> = defineScript({
  lua: verifyLua,
  encode: ({ key, hash, gen, lifetimes }) => ({
    keys: [key],
    argv: [hash, gen, lifetimes.idleMs, lifetimes.absoluteMs, lifetimes.touchEveryMs, lifetimes.healMs],
  }),
  decode(reply) {
    const said = reply as VerifyReply;
    if (said[0] === 'lost') return { kind: 'lost' };
    if (said[0] === 'ended') return { kind: 'ended', reason: said[1], atMs: Number(said[2]), device: said[3] };
    const [, gen, startedMs, seenMs, device] = said;
    return {
      kind: 'live',
      session: { gen: Number(gen), startedMs: Number(startedMs), seenMs: Number(seenMs), device },
    };
  },
});

export const list: Script<Pick<Verification, 'key' | 'lifetimes'>, SessionRecord[]> = defineScript({
  lua: listLua,
  encode: ({ key, lifetimes }) => ({ keys: [key], argv: [lifetimes.idleMs, lifetimes.absoluteMs] }),
  decode: (reply) => (reply as [tag: 'sessions', sessions: SessionReply[]])[1].map(recordOf),
});

export interface Revocation {
  readonly key: string;
  readonly channel: string;
  readonly which: 'own' | 'one' | 'others' | 'all';
  /** A session's hash, or its beginning; '' for all. */
  readonly hash: string;
  readonly reason: 'revoked' | 'logged_out';
  readonly lifetimes: Lifetimes;
}

/** Resolves to the hashes of the sessions that ended. */
export const revoke: Script<Revocation, string[]> = defineScript({
  lua: revokeLua,
  encode: ({ key, channel, which, hash, reason, lifetimes }) => ({
    keys: [key],
    argv: [channel, which, hash, reason, lifetimes.absoluteMs, lifetimes.idleMs],
  }),
  decode: (reply) => (reply as [tag: 'ended', hashes: string[]])[1],
});

export interface Rotation {
  readonly key: string;
  readonly channel: string;
  readonly hash: string;
  readonly gen: number;
  /** Which of its session's refresh tokens it is, from 0. */
  readonly n: number;
  readonly graceMs: number;
  readonly lifetimes: Lifetimes;
}

export type Rotated =
  /** `n` of the successor, and how long the session may last yet. */
  | { readonly kind: 'rotated'; readonly n: number; readonly restMs: number }
  | { readonly kind: 'reused' }
  | Exclude<Verified, { kind: 'live' }>;

type RotateReply =
  | [tag: 'rotated', n: Integer, restMs: Integer]
  | [tag: 'reused']
  | Exclude<VerifyReply, [tag: 'live', ...unknown[]]>;

export const rotate: Script<Rotation, Rotated> = defineScript({
  lua: rotateLua,
  grants: true,
  encode: ({ key, channel, hash, gen, n, graceMs, lifetimes }) => ({
    keys: [key],
    argv: [channel, hash, gen, n, graceMs, lifetimes.idleMs, lifetimes.absoluteMs, lifetimes.healMs],
  }),
  decode(reply) {
    const said = reply as RotateReply;
    if (said[0] === 'rotated') return { kind: 'rotated', n: Number(said[1]), restMs: Number(said[2]) };
    if (said[0] === 'ended') return { kind: 'ended', reason: said[1], atMs: Number(said[2]), device: said[3] };
    return { kind: said[0] };
  },
});
