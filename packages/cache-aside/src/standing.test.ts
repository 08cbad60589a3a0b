import { describe, expect, it } from 'vitest';
import type { Entry } from './envelope.ts';
import { standingOf } from './standing.ts';

const NOW = 1_000_000;
const FRESHNESS = { ttlMs: 1, staleMs: 100, staleIfErrorMs: 1000, negativeTtlMs: 1, jitter: 0 };

/** An entry that expired `expiredMs` ago (negative: not yet), held for `heldMs` more. */
const entry = (expiredMs: number, state: Entry['state'] = 'none', heldMs = 0, kind: Entry['kind'] = 'J'): Entry => ({
  state,
  token: 'x'.repeat(12),
  untilMs: NOW + heldMs,
  freshUntilMs: NOW - expiredMs,
  kind,
  stamp: { incarnation: 'a', us: 1 },
  tags: [],
  payload: Buffer.from('1'),
});

describe('what a reader finds', () => {
  it.each([
    ['a value not expired', entry(-1), 'fresh'],
    ['a value not expired, held by a refresh', entry(-1, 'leased', 50), 'fresh'],
    ['a value just expired', entry(0), 'stale, free'],
    ['a value expired, and being loaded', entry(99, 'leased', 1), 'stale'],
    ['a value expired, whose lease is over', entry(99, 'leased', 0), 'stale, free'],
    ['a value expired, whose load failed', entry(99, 'failed', 1), 'stale'],
    ['a value too stale', entry(100), 'absent, kept'],
    ['a value too stale, being loaded', entry(100, 'leased', 1), 'held, kept'],
    ['a value too stale, whose load failed', entry(999, 'failed', 1), 'failed, kept'],
    ['a value too old for errors', entry(1000), 'absent'],
    ['a value too old for errors, whose load failed', entry(1000, 'failed', 1), 'absent'],
    ['a lease', entry(NOW, 'leased', 1, '-'), 'held'],
    ['a lease that is over', entry(NOW, 'leased', 0, '-'), 'absent'],
    ['a failure', entry(NOW, 'failed', 1, 'E'), 'failed'],
    ['a failure that is over', entry(NOW, 'failed', 0, 'E'), 'absent'],
    ['a load that stored nothing', entry(NOW, 'passed', 1, '-'), 'passed'],
    ['nothing', undefined, 'absent'],
  ] as const)('%s: %#', (_, found, expected) => {
    const standing = standingOf({ entry: found, isValid: true, nowMs: NOW }, FRESHNESS);
    const isKept = 'kept' in standing && standing.kept !== undefined;
    const isFree = standing.kind === 'stale' && standing.isFree;
    expect([standing.kind, ...(isKept ? ['kept'] : []), ...(isFree ? ['free'] : [])].join(', ')).toBe(expected);
  });

  it('is absent for every purpose when a mark speaks against it', () => {
    for (const found of [entry(-1), entry(50), entry(500, 'leased', 50), entry(500, 'failed', 50)]) {
      const standing = standingOf({ entry: found, isValid: false, nowMs: NOW }, FRESHNESS);
      expect(standing).toEqual({ kind: 'absent', kept: undefined });
    }
  });
});
