import type { HttpRequest } from '@turnpike/core';
import { hasConditions } from '../express/conditional-headers.ts';
import { unwatchedHeaders } from '../express/credentials.ts';
import { pageHeadOf } from '../express/page.ts';
import type { Asked, Judgement } from '../express/profile.ts';
import type { Head } from '../express/storable.ts';
import type { Entry } from '../envelope.ts';
import { type Standing, standingOf } from '../standing.ts';
import { type Keeping, judged } from './judging.ts';
import { forbidsStoring } from './must-understand.ts';
import { isUnqualified } from './qualified.ts';
import { wantsOf } from './request-directives.ts';
import { isAlwaysValidated, standsIn, useOf } from './reuse.ts';
import { storingRefusal } from './storing.ts';
import type { Policy } from './targeted.ts';

/** Statuses by which a handler says that it, or what it asks, has failed (RFC 5861 §4). */
const FAILED: ReadonlySet<number> = new Set([500, 502, 503, 504]);

/** An entry that is no page is never stale. */
const NEVER = { staleMs: 0, staleIfErrorMs: 0 };

/** What most clients want. */
const ANYTHING = wantsOf({});

/** Its handler runs for it alone. */
const PASSED: Standing = { kind: 'passed' };

/** Asked under what conditions only the handler itself may say whether they hold (RFC 9110 §13.2.1, RFC 9111 §4.3.2). */
const PRECONDITIONS = ['if-match', 'if-unmodified-since'];

/** One request before a shared cache. */
export function askedOf(req: HttpRequest, policyIn: (headers: Head['headers']) => Policy, keeping: Keeping): Asked {
  const headers = unwatchedHeaders(req);
  const { method = 'GET' } = req;
  const wants = wantsOf(headers);
  const isAuthorized = headers.authorization !== undefined;
  const isConditional = hasConditions(req);
  const hasPreconditions = PRECONDITIONS.some((name) => headers[name] !== undefined);
  const isDemanding = wants.isNoCache || hasPreconditions;
  /** What others bring is not for it, or nothing that it brings is for others. */
  const goesAlone = isDemanding || method !== 'GET' || wants.isNoStore || wants.isOnlyIfCached;

  /** Of a page that is not to be served as it is. */
  const unserved = (value: Entry, kept: Entry | undefined, canValidate: boolean, isHeld: boolean): Standing => {
    if (isHeld && value.state === 'leased') return { kind: 'held', holder: value, kept };
    if (isHeld) return kept === undefined ? PASSED : { kind: 'failed', failure: undefined, kept };
    // A part, or a 304, would be no answer for others: it is asked for as it was, unless there is a better question.
    if (isConditional && !canValidate) return PASSED;
    // It stays while it is asked for: to others it may be of use.
    return { kind: 'absent', kept, basis: value };
  };

  const judge: Asked['judge'] = (head, run): Judgement => {
    const { status } = head;
    const policy = policyIn(head.headers);
    const why = storingRefusal({
      method,
      status,
      vary: head.headers['vary'],
      directives: policy.directives,
      hasExpires: policy.expires !== undefined,
      isAuthorized,
      isRequestNoStore: wants.isNoStore,
      isConditional: run.isConditional,
    });
    const judgement = why === undefined ? judged(head, policy, run, keeping) : ({ kind: 'refused', why } as const);
    if (!FAILED.has(status)) return judgement;
    // §4.3.3: as if the handler had not answered.
    const isReplaceable = run.held !== undefined && standsIn(run.held, wants, run.answeredMs);
    return isReplaceable || judgement.kind === 'refused' ? { kind: 'refused', why: 'error' } : judgement;
  };

  return {
    isOnlyToLook: false,
    isOnlyIfStored: wants.isOnlyIfCached,
    isDemanding: isDemanding || wants.maxAgeMs < Infinity || wants.minFreshMs > 0,
    // Nobody but its client can show what it shows.
    isAnyones: !isAuthorized,
    standing(look, mayRunAgain) {
      const { entry, isValid, nowMs } = look;
      const page = entry !== undefined && isValid ? pageHeadOf(entry) : undefined;
      if (entry === undefined || page === undefined) {
        const standing = standingOf(look, NEVER);
        // By which fields pages differ holds for whoever asks.
        if (standing.kind === 'fresh') return standing;
        const isOnItsOwn = goesAlone || standing.kind === 'failed' || (standing.kind === 'absent' && isConditional);
        return isOnItsOwn ? PASSED : standing;
      }
      const isHeld = nowMs < entry.untilMs && entry.state !== 'none';
      const use = hasPreconditions ? 'validated' : useOf(page, wants, nowMs);
      if (use === 'fresh') return { kind: 'fresh', value: entry, isFree: !isHeld };
      if (use === 'stale') return { kind: 'stale', value: entry, isFree: false };
      if (use === 'meanwhile' && mayRunAgain) return { kind: 'stale', value: entry, isFree: !isHeld };
      // What others would be served is not taken from them, nor are they made to wait for who wants more.
      const isOfUse = useOf(page, ANYTHING, nowMs) === 'fresh';
      if (goesAlone || isAlwaysValidated(page) || isOfUse) return PASSED;
      return unserved(entry, standsIn(page, wants, nowMs) ? entry : undefined, page.canValidate, isHeld);
    },
    mayShare: (page) => !goesAlone && useOf(page, wants, page.bornMs) !== 'validated',
    standsIn: (page, nowMs) => standsIn(page, wants, nowMs),
    alone(kept) {
      if (wants.isNoStore) return { kind: 'untouched' };
      if (method !== 'GET' || hasPreconditions || kept === undefined || !kept.canValidate) return { kind: 'own' };
      return { kind: 'basis', basis: kept };
    },
    judge,
    judgeLeft(kept, { status, headers: left }) {
      const { directives } = policyIn(left);
      if (isUnqualified(directives, 'private')) return { kind: 'refused', why: 'private' };
      return forbidsStoring(status, directives) ? { kind: 'refused', why: 'no-store' } : { kind: 'kept', kept };
    },
  };
}
