import type { Entry } from '../envelope.ts';
import type { Start } from '../load.ts';
import type { Outcome } from '../loaded.ts';
import type { Forwarded, Status } from './cache-status.ts';
import { type Page, type Stored, pageHeadOf, unpack } from './page.ts';

/** A page, and where it comes from. */
export interface FoundPage {
  readonly page: Page;
  /** How old it is by now. */
  readonly ageMs: number;
  readonly status: Extract<Status, { kind: 'hit' | 'collapsed' }>;
}

/** Undefined: there was nothing to store. */
export function storedIn(outcome: Outcome): Stored | undefined {
  const value = outcome.kind === 'value' ? outcome.value() : undefined;
  return Buffer.isBuffer(value) ? unpack(value) : (value as Stored | undefined);
}

/** `fwd`: why its handler was called, if it was. */
export function pageFound(
  outcome: Outcome,
  stored: Stored | undefined,
  fwd: Forwarded = 'uri-miss',
): FoundPage | undefined {
  if (outcome.kind !== 'value' || stored?.kind !== 'page') return undefined;
  const { page } = stored;
  const { held } = outcome;
  if (held === undefined) return { page, ageMs: page.ageMs, status: { kind: 'collapsed', fwd } };
  const { bornMs, lifetimeMs } = page;
  const ageMs = page.ageMs + Math.max(0, held.nowMs - bornMs);
  const ttlMs = Math.min(held.freshUntilMs - held.nowMs, lifetimeMs - ageMs);
  return { page, ageMs, status: { kind: 'hit', ttlMs } };
}

/** A page that was found, as what a look came to. */
export const heldOutcome = (page: Page, meta: Entry, nowMs: number): Outcome => ({
  kind: 'value',
  value: () => ({ kind: 'page', page }) satisfies Stored,
  meta,
  held: { nowMs, freshUntilMs: meta.freshUntilMs },
});

/** The page that a load finds there. */
export function pageIn({ kept }: Start): Page | undefined {
  try {
    const stored = kept && pageHeadOf(kept) && unpack(kept.payload);
    return stored?.kind === 'page' ? stored.page : undefined;
  } catch {
    return undefined;
  }
}
