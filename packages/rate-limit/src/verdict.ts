import type { Policy } from './policy.ts';

/** What stands charged to one policy. */
export interface Quota {
  readonly used: number;
  /** Until all of it is available again, in ms. */
  readonly resetMs: number;
  /** Until the cost asked for passes, in ms: 0 now, undefined never. */
  readonly waitMs: number | undefined;
}

/** What was decided of one request: by all policies, or none is charged. */
export interface Verdict {
  readonly kind: 'allow' | 'deny' | 'block';
  /** Until the cost passes, in ms: 0 now, undefined never. */
  readonly waitMs: number | undefined;
  /** In the order of the policies. */
  readonly quotas: readonly Quota[];
}

/** What is asked of one subject. */
export interface Question {
  readonly key: string;
  readonly cost: number;
  readonly policies: readonly Policy[];
}

/** Blocks who is denied again and again: first for `durationMs`, then twice as long each time, up to `maxMs`. */
export interface BlockRule {
  /** So many denials in a row, without an admission between them, block. */
  readonly afterDenials: number;
  readonly durationMs: number;
  /** Also how long after a block it is remembered. */
  readonly maxMs: number;
}

/** A take, which may come twice: `id` tells. */
export interface Take extends Question {
  readonly id: string;
  readonly block: BlockRule | undefined;
}
