import type { Series } from '../harness/growth.ts';

/** Who grows, and the bare one beside it. */
export type Growing = Pick<Series, 'bare' | 'turnpike'>;

const contenders = (bare: string, turnpike: string, variant = ''): Growing => ({
  bare: { file: bare, variant: 'json' },
  turnpike: { file: turnpike, variant },
});

export const limiter: Growing = contenders('rate-limit/bare', 'rate-limit/turnpike', 'fixed-window');
export const guard: Growing = contenders('single-session/bare', 'single-session/turnpike');
export const ledger: Growing = contenders('idempotency/bare', 'idempotency/turnpike');
export const cache: Growing = contenders('cache/bare', 'cache/turnpike', 'json');
export const pages: Growing = contenders('cache/page-bare', 'cache/page-turnpike', 'l2');
