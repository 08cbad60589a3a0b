import { httpDate } from '../express/http-date.ts';
import type { Page, PageHead } from '../express/page.ts';
import type { Judgement, Run, Updated } from '../express/profile.ts';
import type { Head } from '../express/storable.ts';
import { type Lasting, type Staleness, LONGEST_MS } from '../freshness.ts';
import { ageValueMs, initialAgeMs } from './age.ts';
import { explicitLifetimeMs } from './freshness.ts';
import { type Heuristic, guessedLifetimeMs, mayBeGuessed } from './heuristic.ts';
import { isUnqualified } from './qualified.ts';
import { isStrict, stalenessBy } from './stale.ts';
import type { Policy } from './targeted.ts';

/** What is not up to the answer. */
export interface Keeping extends Heuristic {
  /** How long an answer is kept when it is stale, in ms. */
  readonly keepStaleMs: number;
  /** How long one may be stale that does not say. */
  readonly agreed: Staleness;
}

/** How long an answer that may be stored is fresh, may be stale, and is kept; or why it is of no use. */
export function judged(
  { status, headers }: Head,
  { directives, expires }: Policy,
  run: Run,
  keeping: Keeping,
): Judgement {
  const saidDateMs = httpDate(headers['date']);
  const dateMs = Number.isNaN(saidDateMs) ? run.answeredMs : saidDateMs;
  const ageMs = run.ageMs ?? initialAgeMs({ ...run, dateMs: saidDateMs, ageMs: ageValueMs(headers['age']) });
  const guess = (): number =>
    mayBeGuessed(status, directives) ? guessedLifetimeMs(headers['last-modified'], dateMs, keeping) : 0;
  const head: Omit<PageHead, 'bornMs'> = {
    ageMs,
    lifetimeMs: explicitLifetimeMs({ directives, expires, dateMs }) ?? guess(),
    staleness: stalenessBy(directives, keeping.agreed),
    mustValidate: isUnqualified(directives, 'no-cache'),
    isStrict: isStrict(directives),
    canValidate: headers['etag'] !== undefined || !Number.isNaN(httpDate(headers['last-modified'])),
  };
  const leftMs = head.mustValidate ? 0 : head.lifetimeMs - ageMs;
  const staleMs = Math.max(head.staleness.staleMs, head.staleness.staleIfErrorMs);
  if (leftMs <= 0 && !head.canValidate && (head.mustValidate || staleMs <= -leftMs)) {
    return { kind: 'refused', why: head.mustValidate ? 'no-cache' : 'expired' };
  }
  return { kind: 'kept', kept: { head, lasting: lastingOf(head, leftMs, staleMs, keeping) } };
}

/** How long the entry of an answer lasts. Whether it is served is decided by what it says, when it is asked for. */
function lastingOf(
  { canValidate, isStrict: strict }: Pick<PageHead, 'canValidate' | 'isStrict'>,
  leftMs: number,
  staleMs: number,
  { keepStaleMs }: Keeping,
): Lasting {
  const ttlMs = Math.min(Math.max(1, Math.ceil(leftMs)), LONGEST_MS);
  const isOfUseStale = canValidate || !strict;
  const keptMs = Math.min(Math.max(staleMs, isOfUseStale ? keepStaleMs : 0), LONGEST_MS);
  return { ttlMs, negativeTtlMs: ttlMs, staleMs: Math.round(keptMs), staleIfErrorMs: 0, jitter: 0 };
}

/** A page that is known to be another by now: it may still be asked for whether it holds. */
export function expired(page: Page, keeping: Keeping): Updated {
  const staleness = { staleMs: 0, staleIfErrorMs: 0 };
  return { page: { ...page, lifetimeMs: 0, staleness }, lasting: lastingOf(page, 0, 0, keeping) };
}
