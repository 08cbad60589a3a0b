import { answerPage } from './answer.ts';
import { type Status, cacheStatus } from './cache-status.ts';
import { conditionsOf } from './conditional-headers.ts';
import type { Conditions } from './conditional.ts';
import { emitPage } from './events.ts';
import type { FoundPage } from './found-page.ts';
import type { Asked, Rules } from './profile.ts';
import { canRunAgain } from './refresh.ts';
import type { Exchange } from './render.ts';

/** One request before the cache, and what it asks of it. */
export interface Visitor extends Exchange {
  /** Of the page it is for. */
  readonly url: string;
  readonly asked: Asked;
  readonly conditions: Conditions;
  /** What `Cache-Status` has been set to by others. */
  readonly saidBefore: unknown;
  /** Its route may run once more, for nobody. */
  readonly mayRunAgain: boolean;
  /** By this process's monotonic clock. */
  readonly startedAt: number;
}

export function visitorOf({ req, res, next }: Exchange, url: string, rules: Rules): Visitor {
  const asked = rules.asked(req);
  return {
    req,
    res,
    next,
    url,
    asked,
    conditions: conditionsOf(req),
    saidBefore: res.getHeader('Cache-Status'),
    mayRunAgain: asked.isAnyones && canRunAgain(req),
    startedAt: performance.now(),
  };
}

/** Or somebody has answered meanwhile, a time-out perhaps. */
export const isGone = ({ req, res }: Visitor): boolean => res.headersSent || res.destroyed || req.socket.destroyed;

export const say = ({ res, saidBefore }: Visitor, status: Status, before: unknown = saidBefore): void =>
  void res.setHeader('Cache-Status', cacheStatus(status, before));

/** Answers with what was found. */
export function tell(visitor: Visitor, { page, ageMs, status }: FoundPage): Promise<void> {
  const { req, res, next, conditions } = visitor;
  const type = status.kind === 'collapsed' ? 'page-collapsed' : status.ttlMs <= 0 ? 'page-stale' : 'page-hit';
  emitPage(() => ({ type }));
  say(visitor, status);
  return answerPage({ recording: page.recording, ageMs }, conditions, req, res).catch(next);
}
