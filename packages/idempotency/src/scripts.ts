import { type Script, StoreError, defineScript } from '@turnpike/core';
import { claimLua, completeLua, heartbeatLua, releaseLua, resolveLua } from './lua.gen.ts';

/** An integer of Redis: a client may be set to hand it on as a string (`stringNumbers`), here as its bytes. */
type Integer = number | Buffer;

const integer = (value: Integer | undefined): number => Number(String(value));

/** How long things are kept, in ms. */
export interface Lifetimes {
  readonly leaseMs: number;
  readonly ttlMs: number;
}

/** A run as Redis knows it: whoever shows `owner` and `fence` may say what came of it. */
export interface Claimed {
  readonly key: string;
  readonly owner: string;
  readonly fence: number;
  /** When the record began, in µs of the server's time: one for all runs that follow each other in it. */
  readonly bornUs: number;
  readonly print: string;
}

export interface Attempt {
  readonly key: string;
  readonly owner: string;
  readonly print: string;
  /** The fence of the run in doubt that may be run again. */
  readonly takeOver: number | 'any' | 'none';
  readonly lifetimes: Lifetimes;
}

export type Standing =
  | { readonly kind: 'acquired' | 'taken-over' | 'mine'; readonly fence: number; readonly bornUs: number }
  | { readonly kind: 'mismatch' }
  | { readonly kind: 'in-flight'; readonly ranMs: number; readonly leaseLeftMs: number }
  | { readonly kind: 'replay'; readonly answer: Buffer }
  | { readonly kind: 'in-doubt'; readonly fence: number; readonly bornUs: number; readonly status: number };

type ClaimReply =
  | ['acquired' | 'taken-over' | 'mine', fence: Integer, bornUs: Integer]
  | ['mismatch']
  | ['in-flight', ranMs: Integer, leaseLeftMs: Integer]
  | ['replay', answer: Buffer]
  | ['in-doubt', fence: Integer, bornUs: Integer, status: Integer];

function standing(reply: unknown): Standing {
  const [tag, ...rest] = reply as [tag: Buffer, ...rest: unknown[]];
  const said = [String(tag), ...rest] as ClaimReply;
  switch (said[0]) {
    case 'mismatch':
      return { kind: 'mismatch' };
    case 'in-flight':
      return { kind: 'in-flight', ranMs: integer(said[1]), leaseLeftMs: integer(said[2]) };
    case 'replay':
      return { kind: 'replay', answer: said[1] };
    case 'in-doubt':
      return { kind: 'in-doubt', fence: integer(said[1]), bornUs: integer(said[2]), status: integer(said[3]) };
    case 'acquired':
    case 'taken-over':
    case 'mine':
      return { kind: said[0], fence: integer(said[1]), bornUs: integer(said[2]) };
    default:
      // Whatever it is, it gives no run.
      throw new StoreError('ERR_TURNPIKE_STORE_REPLY', `what Redis replied is no answer to a claim: ${String(tag)}`);
  }
}

const takeOverArgument = (takeOver: Attempt['takeOver']): number =>
  takeOver === 'any' ? -1 : takeOver === 'none' ? 0 : takeOver;

export const claim: Script<Attempt, Standing> = defineScript({
  lua: claimLua,
  grants: true,
  buffers: true,
  encode: ({ key, owner, print, takeOver, lifetimes }) => ({
    keys: [key],
    argv: [owner, print, lifetimes.leaseMs, lifetimes.ttlMs, takeOverArgument(takeOver)],
  }),
  decode: standing,
});

/** What came of a run. */
export interface Outcome {
  readonly state: 'done' | 'in-doubt';
  readonly status: number;
  /** What is replayed; empty when in doubt. */
  readonly answer: Buffer;
}

/** True when it was kept, false when the run has a successor. */
export const complete: Script<{ run: Claimed; outcome: Outcome; lifetimes: Lifetimes }, boolean> = defineScript({
  lua: completeLua,
  encode: ({ run, outcome, lifetimes }) => ({
    keys: [run.key],
    argv: [run.owner, run.fence, run.bornUs, run.print, outcome.state, outcome.status, outcome.answer, lifetimes.ttlMs],
  }),
  decode: (reply) => (reply as ['kept' | 'refused'])[0] === 'kept',
});

/** Of a claim that was never answered, `fence` is 0. */
export const release: Script<Pick<Claimed, 'key' | 'owner' | 'fence'> & { lifetimes: Lifetimes }, boolean> =
  defineScript({
    lua: releaseLua,
    encode: ({ key, owner, fence, lifetimes }) => ({ keys: [key], argv: [owner, fence, lifetimes.ttlMs] }),
    decode: (reply) => (reply as ['released' | 'refused'])[0] === 'released',
  });

export const heartbeat: Script<{ run: Claimed; lifetimes: Lifetimes }, boolean> = defineScript({
  lua: heartbeatLua,
  grants: true,
  encode: ({ run, lifetimes }) => ({
    keys: [run.key],
    argv: [run.owner, run.fence, run.bornUs, run.print, lifetimes.leaseMs, lifetimes.ttlMs],
  }),
  decode: (reply) => (reply as ['held' | 'lost'])[0] === 'held',
});

/** The answer that the app knows, for the doubt about the run of `fence`. */
export interface Resolution {
  readonly key: string;
  readonly fence: number;
  readonly answer: Buffer;
  readonly lifetimes: Lifetimes;
}

export const resolve: Script<Resolution, boolean> = defineScript({
  lua: resolveLua,
  encode: ({ key, fence, answer, lifetimes }) => ({
    keys: [key],
    argv: [fence, answer, lifetimes.ttlMs],
  }),
  decode: (reply) => (reply as ['kept' | 'refused'])[0] === 'kept',
});
