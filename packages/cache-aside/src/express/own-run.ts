import { type Warn, writeProblem } from '@turnpike/core';
import { AbandonedLoad, type Start } from '../load.ts';
import type { Outcome } from '../loaded.ts';
import { answerPage } from './answer.ts';
import type { Forwarded, Miss, Status } from './cache-status.ts';
import { isConditional } from './conditional-headers.ts';
import { emitPage } from './events.ts';
import { heldOutcome, pageFound, pageIn, storedIn } from './found-page.ts';
import type { PageLoads } from './page-loads.ts';
import { personalWarning } from './personal-warning.ts';
import type { Rules } from './profile.ts';
import { notStored } from './refusal.ts';
import type { Rendering } from './render.ts';
import type { Sought, Witness } from './sought.ts';
import type { Refusal } from './storable.ts';
import { type Visitor, say, tell } from './visitor.ts';

/** The handler of a request, and what its client gets of it. */
export interface OwnRun {
  /** Once it is, its answer is this client's, whatever others make of it. */
  readonly isCalled: boolean;
  /** Why it is called, should it be. */
  fwd: Forwarded;
  /** Sees to it that this client gets what it asked for of what its handler answers for all. */
  readonly witness: Witness;
  /** Calls it, and has no eye on what it answers. */
  untouched(status: Status): void;
  /** Calls it for this client alone; what it answers is stored all the same where the profile stores it. */
  alone(sought: Sought, start: Start): Promise<Outcome>;
  /** It has answered, or takes too long: where it has failed, a page that is kept takes the place of its answer. */
  settle(outcome: Outcome | undefined): void;
  /** It is not to be called, and there is nothing else. */
  refuse(): void;
}

interface OwnRunParts {
  readonly loads: PageLoads;
  readonly rules: Rules;
  readonly warn: Warn;
}

/** The handler runs, and nobody else has anything of it. */
export const ALONE: Outcome = { kind: 'error', error: new AbandonedLoad('The handler runs for this request alone') };

/** A look into Redis takes less; what takes longer was a wait for another's handler, in ms. */
const WAITED_MS = 400;

export function ownRunOf(visitor: Visitor, fwd: Forwarded, { loads, rules, warn }: OwnRunParts): OwnRun {
  const { req, res, next, asked, conditions, startedAt } = visitor;
  let isCalled = false;
  let calledAt = startedAt;
  let rendering: Rendering | undefined;
  /** It is called with what its client has asked, and not for all who ask for the same. */
  let isOwnQuestion = false;
  /** There may be a page that takes the place of an error. */
  let mayStandIn = true;
  /** What it answers is no answer to its client. */
  let isToBeReplaced = false;
  /** What is to become of its answer is decided, for want of patience if not by the answer. */
  let isSettled = false;

  /** What the handler has answered, where the profile tells it. */
  const told = (fwdStatus: number, why: Refusal | undefined): Pick<Miss, 'fwdStatus' | 'isStored'> =>
    rules.tellsForwards ? { fwdStatus, isStored: why === undefined } : {};

  const begin = (begun: Rendering, type: 'page-miss' | 'page-alone'): void => {
    calledAt = performance.now();
    isCalled = true;
    rendering = begun;
    emitPage(() => ({ type }));
  };

  const run: OwnRun = {
    fwd,
    get isCalled() {
      return isCalled;
    },
    untouched(status) {
      isCalled = true;
      emitPage(() => ({ type: 'page-alone' }));
      say(visitor, status);
      next();
    },
    async alone(sought, start) {
      const kept = pageIn(start);
      const how = asked.alone(kept);
      if (kept !== undefined) run.fwd = asked.isDemanding ? 'request' : 'stale';
      mayStandIn = kept !== undefined && asked.standsIn(kept, start.nowMs());
      if (how.kind === 'untouched') {
        run.untouched({ kind: 'miss', fwd: run.fwd, why: undefined });
        return ALONE;
      }
      isOwnQuestion = how.kind === 'own';
      const onBegin = (begun: Rendering): void => begin(begun, 'page-alone');
      const hasFailed = !(await loads.alone(visitor, sought, { ...run.witness, onBegin }, start, how));
      const nowMs = start.nowMs();
      const isOfUse = hasFailed && kept !== undefined && asked.standsIn(kept, nowMs);
      return isOfUse && start.kept !== undefined ? heldOutcome(kept, start.kept, nowMs) : ALONE;
    },
    witness: {
      hasWaited: () => calledAt - startedAt > WAITED_MS,
      onBegin: (begun) => begin(begun, 'page-miss'),
      onHead({ status, headers: said }, verdict) {
        const { why } = verdict;
        say(visitor, { kind: 'miss', fwd: run.fwd, why, ...told(status, why) }, said['cache-status']);
        isToBeReplaced = verdict.isToBeReplaced;
        const isPart = why === undefined && status === 200 && isConditional(conditions) && !isOwnQuestion;
        return isToBeReplaced || (((why === 'error' && mayStandIn) || isPart) && !isSettled) ? 'hold' : 'pass';
      },
      onRendered(rendered, { gate, release }) {
        if (rendered.kind === 'refused' && rendered.personal !== undefined) {
          warn('TURNPIKE_WARN_CACHE_PERSONAL', personalWarning(req, rendered.personal));
        }
        // Whether there is an older page instead of an error is for the cache to say.
        if (rendered.kind === 'refused' && rendered.why === 'error') return;
        const recording = rendered.kind === 'page' ? rendered.recording : rendered.instead;
        if (recording === undefined) gate.open();
        else if (gate.isHolding) {
          const saidMs = rendered.kind === 'page' ? rendered.kept.head.ageMs : 0;
          // That there is an Age says that the handler was not asked (RFC 9111 §5.1): it was, unless that was a cache.
          const ageMs = isToBeReplaced && saidMs < 1000 ? undefined : saidMs;
          const why = rendered.kind === 'page' ? undefined : rendered.why;
          if (isToBeReplaced) emitPage(() => ({ type: 'page-validated' }));
          gate.replace(() => {
            const fwdStatus = isToBeReplaced ? 304 : recording.status;
            say(visitor, { kind: 'miss', fwd: run.fwd, why, ...told(fwdStatus, why) });
            answerPage({ recording, ageMs }, conditions, req, res).catch(next);
          });
        }
        release();
      },
    },
    settle(outcome) {
      isSettled = true;
      if (rendering === undefined) return;
      const { gate, release, isKnown } = rendering;
      // What is not complete is not replaced: its handler has more to say.
      const kept = outcome && gate.isHolding && isKnown ? pageFound(outcome, storedIn(outcome), 'stale') : undefined;
      try {
        if (kept === undefined && !isToBeReplaced) gate.open();
        else if (kept !== undefined) gate.replace(() => void tell(visitor, kept));
      } finally {
        release();
      }
    },
    refuse() {
      emitPage(() => ({ type: 'page-unavailable' }));
      say(visitor, { kind: 'unavailable' });
      writeProblem(notStored, req, res, next);
    },
  };
  return run;
}
