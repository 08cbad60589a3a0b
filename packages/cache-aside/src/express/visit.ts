import type { HttpRequest, Warn } from '@turnpike/core';
import type { Engine } from '../engine.ts';
import { AbandonedLoad } from '../load.ts';
import type { Outcome } from '../loaded.ts';
import { answerPage } from './answer.ts';
import { directivesOf } from './cache-control.ts';
import { type Forwarded, type Status, cacheStatus } from './cache-status.ts';
import { conditionsOf, isConditional } from './conditional-headers.ts';
import { unwatchedHeaders } from './credentials.ts';
import { emitPage } from './events.ts';
import { type Page, type Stored, stalenessOf, unpack } from './page.ts';
import type { PageLoads, Sought, Witness } from './page-loads.ts';
import { type Refreshes, canRunAgain } from './refresh.ts';
import type { Exchange, Rendering } from './render.ts';
import { variantOf } from './variants.ts';

interface VisitParts {
  readonly engine: Engine;
  readonly loads: PageLoads;
  readonly refreshes: Refreshes;
  /** False: every user has pages of its own, and nobody renders one for another. */
  readonly isShared: boolean;
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
  const { engine, loads, refreshes, isShared, warn } = parts;
  const { req, res, next } = exchange;
  const ownPlace = engine.places.page(url);
  if (isInside(req, ownPlace.entryKey)) return next();
  const headers = { ...unwatchedHeaders(req) };
  const conditions = conditionsOf(req);
  const saidBefore = res.getHeader('Cache-Status');
  const isOnlyToLook = req.method === 'HEAD' || directivesOf(headers['cache-control']).has('no-store');
  const mayRunAgain = isShared && canRunAgain(req);
  const startedAt = performance.now();
  /** Once the handler is called, its answer is this client's, whatever others make of it. */
  let isCalled = false;
  let calledAt = startedAt;
  let rendering: Rendering | undefined;
  /** What is to become of its answer is decided, for want of patience if not by the answer. */
  let isSettled = false;
  /** Why the handler is called, should it be. */
  let fwd: Forwarded = 'uri-miss';

  /** Or somebody has answered meanwhile, a time-out perhaps. */
  const isGone = (): boolean => res.headersSent || res.destroyed || req.socket.destroyed;

  const say = (status: Status, before: unknown = saidBefore): void =>
    void res.setHeader('Cache-Status', cacheStatus(status, before));

  const replayed = (page: Pick<Page, 'recording' | 'ageMs'>): Promise<void> =>
    answerPage(page, conditions, req, res).catch(next);

  const callAlone = (status: Status): void => {
    isCalled = true;
    emitPage(() => ({ type: 'page-alone' }));
    say(status);
    next();
  };

  /** Sees to it that this client gets what it asked for of what its handler answers for all. */
  const witness: Witness = {
    hasWaited: () => calledAt - startedAt > WAITED_MS,
    onBegin(begun) {
      calledAt = performance.now();
      isCalled = true;
      rendering = begun;
      emitPage(() => ({ type: 'page-miss' }));
    },
    onHead({ status, headers: said }, why) {
      say({ kind: 'miss', fwd, why }, said['cache-status']);
      const mayBeReplaced = why === 'error' || (why === undefined && status === 200 && isConditional(conditions));
      return mayBeReplaced && !isSettled ? 'hold' : 'pass';
    },
    onRendered(rendered, { gate, release }) {
      if (rendered.kind === 'refused' && rendered.personal !== undefined) {
        warn('TURNPIKE_WARN_CACHE_PERSONAL', personal(req, rendered.personal));
      }
      // Whether there is an older page instead of an error is for the cache to say.
      if (rendered.kind === 'refused' && rendered.why === 'error') return;
      if (rendered.kind === 'refused') gate.open();
      else if (gate.isHolding) {
        gate.replace(() => {
          say({ kind: 'miss', fwd, why: undefined });
          void replayed({ recording: rendered.recording, ageMs: rendered.lifetime.ageMs });
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
    const kept = outcome && gate.isHolding && isKnown ? pageIn(outcome, storedIn(outcome), 'stale') : undefined;
    try {
      if (kept === undefined) gate.open();
      else gate.replace(() => void tell(kept));
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
    const sought: Sought = { url, fields, headers };
    fwd = fields === undefined ? 'uri-miss' : 'vary-miss';
    let mistake: { readonly thrown: unknown } | undefined;
    const foreground = loads.foreground(exchange, sought, witness);
    const outcome = await engine[isOnlyToLook ? 'peek' : 'pageOf']({
      place: fields === undefined ? ownPlace : engine.places.page(url, variantOf(fields, headers)),
      async loader(context) {
        // A client that has hung up while it waited leaves it to the next.
        if (isOnlyToLook || isGone()) throw new AbandonedLoad('The handler is not to be called');
        if (context.keeps) fwd = 'stale';
        try {
          return await foreground(context);
        } catch (thrown) {
          if (isCalled) throw thrown;
          mistake = { thrown };
          throw new AbandonedLoad('The handler could not be called');
        }
      },
      refresh: mayRunAgain && !refreshes.isFull ? loads.background(req, sought) : undefined,
      async alone(why) {
        const isAway = why === 'degraded';
        const status: Status = isAway ? { kind: 'bypass', why: 'store' } : { kind: 'miss', fwd, why: undefined };
        if (!isCalled && !isGone()) callAlone(status);
        return ALONE;
      },
      tags: [],
      freshness: engine.freshness,
      open: ({ payload }) => unpack(payload),
      // What nobody can render behind it is not served stale.
      staleness: (entry) => (mayRunAgain ? stalenessOf(entry) : { ...stalenessOf(entry), staleMs: 0 }),
      startedAt,
    });
    if (mistake !== undefined) throw mistake.thrown;
    if (isCalled) return settle(outcome);
    if (isGone()) return;
    const stored = outcome && storedIn(outcome);
    if (stored?.kind === 'variants' && fields === undefined) return look(stored.fields);
    const found = outcome && pageIn(outcome, stored, fwd);
    if (found === undefined) callAlone({ kind: 'miss', fwd: isOnlyToLook ? 'request' : fwd, why: undefined });
    else await tell(found);
  };

  await look(undefined);
}

/** A page, and where it comes from. */
interface FoundPage {
  readonly page: Pick<Page, 'recording' | 'ageMs'>;
  readonly status: Extract<Status, { kind: 'hit' | 'collapsed' }>;
}

/** Undefined: there was nothing to store. */
function storedIn(outcome: Outcome): Stored | undefined {
  const value = outcome.kind === 'value' ? outcome.value() : undefined;
  return Buffer.isBuffer(value) ? unpack(value) : (value as Stored | undefined);
}

function pageIn(outcome: Outcome, stored: Stored | undefined, fwd: Forwarded): FoundPage | undefined {
  if (outcome.kind !== 'value' || stored?.kind !== 'page') return undefined;
  const { recording, bornMs, ageMs } = stored.page;
  const { held } = outcome;
  return held === undefined
    ? { page: { recording, ageMs }, status: { kind: 'collapsed', fwd } }
    : {
        page: { recording, ageMs: ageMs + Math.max(0, held.nowMs - bornMs) },
        status: { kind: 'hit', ttlMs: held.freshUntilMs - held.nowMs },
      };
}

const personal = (req: HttpRequest, what: string): string =>
  `the handler of ${routeOf(req)} reads ${what}, so its pages may differ by who asks, and are not stored. Give "scope", ` +
  "(req) => the user's id; or let what reads it run before the cache.";

/** As the app names it. */
function routeOf(req: HttpRequest): string {
  const { baseUrl = '', route } = req as HttpRequest & { baseUrl?: string; route?: { path?: unknown } };
  const path = typeof route?.path === 'string' ? baseUrl + route.path : (req.originalUrl ?? '').replace(/\?.*/s, '');
  return `${req.method ?? ''} ${path}`;
}
