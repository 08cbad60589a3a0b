import { type HttpRequest, type Warn, writeProblem } from '@turnpike/core';
import type { Engine } from '../engine.ts';
import { AbandonedLoad, type Start } from '../load.ts';
import type { Outcome } from '../loaded.ts';
import { type Told, answerPage } from './answer.ts';
import { type Forwarded, type Miss, type Status, cacheStatus } from './cache-status.ts';
import { conditionsOf, isConditional } from './conditional-headers.ts';
import { unwatchedHeaders } from './credentials.ts';
import { emitPage } from './events.ts';
import { type FoundPage, heldOutcome, pageFound, pageIn, storedIn } from './found-page.ts';
import { unpack } from './page.ts';
import type { PageLoads } from './page-loads.ts';
import { personalWarning } from './personal-warning.ts';
import type { Rules } from './profile.ts';
import { type Refreshes, canRunAgain } from './refresh.ts';
import type { Exchange, Rendering } from './render.ts';
import type { Sought, Witness } from './sought.ts';
import type { Refusal } from './storable.ts';
import { variantOf } from './variants.ts';

interface VisitParts {
  readonly engine: Engine;
  readonly loads: PageLoads;
  readonly refreshes: Refreshes;
  readonly rules: Rules;
  readonly warn: Warn;
}

/** The handler runs, and nobody else has anything of it. */
const ALONE: Outcome = { kind: 'error', error: new AbandonedLoad('The handler runs for this request alone') };

/** A look into Redis takes less; what takes longer was a wait for another's handler, in ms. */
const WAITED_MS = 400;

/** The pages that a request is before: an inner cache of the same page would wait for what the outer one is waiting for. */
const visits = new WeakMap<object, Set<string>>();

function isInside(req: HttpRequest, entryKey: string): boolean {
  const pages = visits.get(req) ?? new Set();
  if (pages.has(entryKey)) return true;
  visits.set(req, pages.add(entryKey));
  return false;
}

/**
 * One request before the cache: answers with the page of `url`, or has the handler answer. Rejects with what is the app's error
 * to show.
 */
export async function visit(exchange: Exchange, url: string, parts: VisitParts): Promise<void> {
  const { engine, loads, refreshes, rules, warn } = parts;
  const { req, res, next } = exchange;
  const ownPlace = engine.places.page(url);
  if (isInside(req, ownPlace.entryKey)) return next();
  const headers = { ...unwatchedHeaders(req) };
  const conditions = conditionsOf(req);
  const saidBefore = res.getHeader('Cache-Status');
  const asked = rules.asked(req);
  const mayRunAgain = asked.isAnyones && canRunAgain(req);
  const startedAt = performance.now();
  /** Once the handler is called, its answer is this client's, whatever others make of it. */
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
  /** Why the handler is called, should it be. */
  let fwd: Forwarded = 'uri-miss';

  /** Or somebody has answered meanwhile, a time-out perhaps. */
  const isGone = (): boolean => res.headersSent || res.destroyed || req.socket.destroyed;

  const say = (status: Status, before: unknown = saidBefore): void =>
    void res.setHeader('Cache-Status', cacheStatus(status, before));

  /** What the handler has answered, where the profile tells it. */
  const told = (fwdStatus: number, why: Refusal | undefined): Pick<Miss, 'fwdStatus' | 'isStored'> =>
    rules.tellsForwards ? { fwdStatus, isStored: why === undefined } : {};

  const replayed = (page: Told): Promise<void> => answerPage(page, conditions, req, res).catch(next);

  const callAlone = (status: Status): void => {
    isCalled = true;
    emitPage(() => ({ type: 'page-alone' }));
    say(status);
    next();
  };

  const begin = (begun: Rendering, type: 'page-miss' | 'page-alone'): void => {
    calledAt = performance.now();
    isCalled = true;
    rendering = begun;
    emitPage(() => ({ type }));
  };

  /** The handler runs for this client alone; what it answers is stored all the same where the profile stores it. */
  const alone = async (sought: Sought, start: Start): Promise<Outcome> => {
    const kept = pageIn(start);
    const how = asked.alone(kept);
    if (kept !== undefined) fwd = asked.isDemanding ? 'request' : 'stale';
    mayStandIn = kept !== undefined && asked.standsIn(kept, start.nowMs());
    if (how.kind === 'untouched') {
      callAlone({ kind: 'miss', fwd, why: undefined });
      return ALONE;
    }
    isOwnQuestion = how.kind === 'own';
    const onBegin = (begun: Rendering): void => begin(begun, 'page-alone');
    const hasFailed = !(await loads.alone(exchange, sought, { ...witness, onBegin }, start, how));
    const nowMs = start.nowMs();
    const isOfUse = hasFailed && kept !== undefined && asked.standsIn(kept, nowMs);
    return isOfUse && start.kept !== undefined ? heldOutcome(kept, start.kept, nowMs) : ALONE;
  };

  /** RFC 9111 §5.2.1.7 */
  const refuse = (): void => {
    emitPage(() => ({ type: 'page-unavailable' }));
    say({ kind: 'unavailable' });
    const detail = 'The request takes what is stored and nothing else, and nothing is stored that would answer it';
    writeProblem({ status: 504, code: 'cache_not_stored', detail }, req, res, next);
  };

  /** Sees to it that this client gets what it asked for of what its handler answers for all. */
  const witness: Witness = {
    hasWaited: () => calledAt - startedAt > WAITED_MS,
    onBegin: (begun) => begin(begun, 'page-miss'),
    onHead({ status, headers: said }, verdict) {
      const { why } = verdict;
      say({ kind: 'miss', fwd, why, ...told(status, why) }, said['cache-status']);
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
          say({ kind: 'miss', fwd, why, ...told(isToBeReplaced ? 304 : recording.status, why) });
          void replayed({ recording, ageMs });
        });
      }
      release();
    },
  };

  /** The handler has answered, or takes too long: where it has failed, a page that is kept takes the place of its answer. */
  const settle = (outcome: Outcome | undefined): void => {
    isSettled = true;
    if (rendering === undefined) return;
    const { gate, release, isKnown } = rendering;
    // What is not complete is not replaced: its handler has more to say.
    const kept = outcome && gate.isHolding && isKnown ? pageFound(outcome, storedIn(outcome), 'stale') : undefined;
    try {
      if (kept === undefined && !isToBeReplaced) gate.open();
      else if (kept !== undefined) gate.replace(() => void tell(kept));
    } finally {
      release();
    }
  };

  const tell = async ({ page, status }: FoundPage): Promise<void> => {
    const type = status.kind === 'collapsed' ? 'page-collapsed' : status.ttlMs <= 0 ? 'page-stale' : 'page-hit';
    emitPage(() => ({ type }));
    say(status);
    await replayed(page);
  };

  const look = async (fields: readonly string[] | undefined): Promise<void> => {
    const sought: Sought = { url, fields, headers, asked };
    fwd = fields === undefined ? 'uri-miss' : 'vary-miss';
    let mistake: { readonly thrown: unknown } | undefined;
    const foreground = loads.foreground(exchange, sought, witness);
    const outcome = await engine[asked.isOnlyToLook ? 'peek' : 'pageOf']({
      place: fields === undefined ? ownPlace : engine.places.page(url, variantOf(fields, headers, rules.normal)),
      async loader(context) {
        // A client that has hung up while it waited leaves it to the next.
        if (asked.isOnlyToLook || isGone()) throw new AbandonedLoad('The handler is not to be called');
        if (context.kept !== undefined) fwd = asked.isDemanding ? 'request' : 'stale';
        try {
          return await foreground(context);
        } catch (thrown) {
          if (isCalled) throw thrown;
          mistake = { thrown };
          throw new AbandonedLoad('The handler could not be called');
        }
      },
      refresh: mayRunAgain && !refreshes.isFull ? loads.background(req, sought) : undefined,
      async alone(why, start) {
        if (isCalled || isGone() || asked.isOnlyIfStored) return ALONE;
        if (start !== undefined) return alone(sought, start);
        callAlone(why === 'degraded' ? { kind: 'bypass', why: 'store' } : { kind: 'miss', fwd, why: undefined });
        return ALONE;
      },
      tags: [],
      freshness: engine.freshness,
      open: ({ payload }) => unpack(payload),
      standing: (found) => asked.standing(found, mayRunAgain),
      startedAt,
    });
    if (mistake !== undefined) throw mistake.thrown;
    if (isCalled) return settle(outcome);
    if (isGone()) return;
    const stored = outcome && storedIn(outcome);
    if (stored?.kind === 'variants' && fields === undefined) return look(stored.fields);
    const found = outcome && pageFound(outcome, stored, fwd);
    const isFound = found !== undefined && (found.status.kind === 'hit' || asked.mayShare(found.page));
    if (isFound) await tell(found);
    else if (asked.isOnlyIfStored) refuse();
    else callAlone({ kind: 'miss', fwd: asked.isOnlyToLook ? 'request' : fwd, why: undefined });
  };

  await look(undefined);
}
