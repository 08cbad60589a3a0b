import type { IncomingMessage, ServerResponse } from 'node:http';
import {
  type HttpRequest,
  type Middleware,
  type Next,
  type OnProblem,
  asError,
  notMounted,
  retrySoon,
  warnOnce,
  writeProblem,
} from '@turnpike/core';
import { type Ended, onEnd } from '@turnpike/core/http';
import { clientAddress } from './client-address.ts';
import { type Decision, decisionOf } from './decision.ts';
import { type HeaderDialect, checkDialects, quotaHeaders } from './headers.ts';
import { type RateLimiterOptions, checkedOptions } from './limiter-options.ts';
import { type RateLimiter, engineWith } from './limiter.ts';
import { type Meeting, meet, meetingOf, tellersUpTo } from './meetings.ts';
import type { Charge, Policies } from './policy.ts';
import { refusal } from './refusal.ts';
import type { Subject } from './subject-key.ts';

/** What the middleware needs to know beside its limiter. */
interface RequestOptions {
  /**
   * Who the request counts for. Undefined falls back to the client's address, with a warning.
   *
   * @default the client's address: `req.ip`, IPv6 cut to `ipv6Bits`
   */
  key?(req: HttpRequest): Subject | undefined | Promise<Subject | undefined>;
  /**
   * How much the request counts: an integer from 1.
   *
   * @default 1
   */
  cost?(req: HttpRequest): number;
  /** True lets the request pass uncounted. */
  skip?(req: HttpRequest): boolean;
  /**
   * How much of an IPv6 address tells clients apart: 1 to 128.
   *
   * @default 64
   */
  ipv6Bits?: number;
  /**
   * The dialects in which the quota is told, or `[]` for none.
   *
   * @default ['draft-11']
   */
  headers?: readonly HeaderDialect[];
  /**
   * Answers a refusal.
   *
   * @default writeProblem
   */
  onProblem?: OnProblem;
}

/** What the middleware needs to know: the limiter's options, and who a request counts for. */
export type RateLimitOptions = RateLimiterOptions & RequestOptions;

/** The middleware, with what it decided and the engine it decided with. */
export interface RateLimitMiddleware extends Middleware {
  /**
   * What was decided for this request.
   *
   * @throws TurnpikeError `ERR_TURNPIKE_NOT_MOUNTED` when this middleware did not run for it
   */
  of(req: IncomingMessage): Decision;
  readonly limiter: RateLimiter;
}

const REQUEST_OPTIONS: readonly (keyof RequestOptions)[] = ['key', 'cost', 'skip', 'ipv6Bits', 'headers', 'onProblem'];

/**
 * Answers 429 with Retry-After (RFC 6585 §4, RFC 9110 §10.2.3) when a caller is over its limit, and 503 when Redis did
 * not decide and `onStoreError` is `'deny'`. One Redis call a request, whatever the number of policies, and never a wait
 * beyond `deadlineMs`.
 *
 * @throws OptionError when an option breaks its rule
 */
export function rateLimit(options: RateLimitOptions): RateLimitMiddleware {
  const checked = checkedOptions('rateLimit', options, REQUEST_OPTIONS);
  const { check, policies } = checked;
  const { key, cost, skip, ipv6Bits = 64, headers: dialects = ['draft-11'], onProblem = writeProblem } = options;
  for (const [name, value] of Object.entries({ key, cost, skip, onProblem })) check.optionalFunction(name, value);
  check.integer('ipv6Bits', ipv6Bits, 1, 128);
  checkDialects(check, dialects);
  const headers = [...dialects];

  const { limiter, decide } = engineWith(checked);
  const warn = warnOnce(`rateLimit "${policies.names.join('", "')}"`);
  /** What skip answers: nothing was counted, and all of every limit is left. */
  const uncounted = (): Decision =>
    decisionOf(policies.all, { kind: 'allow', waitMs: 0, quotas: [] }, { degraded: false, reservation: undefined });

  const subjectOf = (req: HttpRequest, given: Subject | undefined): Subject => {
    const subject = subjectFrom(given);
    if (subject !== undefined) return subject;
    warn(
      'TURNPIKE_WARN_NO_KEY',
      'the option "key" gave no string for a request, which now counts for its client address.',
    );
    // A tuple, which no key that a caller may choose can be mistaken for.
    return ['address', clientAddress(req, ipv6Bits, warn)];
  };

  const count = (req: HttpRequest, subject: Subject): Decision | Promise<Decision> => {
    if (meetingOf(req, limiter)?.decision.isUnknown === false) {
      warn(
        'TURNPIKE_WARN_COUNTED_TWICE',
        'this limiter is mounted more than once on the way of a request, and counts it each time.',
      );
    }
    return decide(subject, { cost: cost?.(req) ?? 1, limits: policies.limitsFor(req) });
  };

  /** At once where neither a key nor Redis has to be waited for. */
  const ask = (req: HttpRequest): Decision | Promise<Decision> => {
    if (skip?.(req)) return uncounted();
    if (key === undefined) return count(req, clientAddress(req, ipv6Bits, warn));
    const given = key(req);
    return isPromise(given)
      ? given.then((known) => count(req, subjectOf(req, known)))
      : count(req, subjectOf(req, given));
  };

  /** At the end of the response, gives back what turned out not to count, and closes what did. */
  const settleAtEnd = ({ reservation }: Decision, req: IncomingMessage, res: ServerResponse): void => {
    if (reservation === undefined) return;
    onEnd(res, (ended) => {
      const refunded = uncharged(policies, ended, req, res);
      const settle = (): Promise<boolean> =>
        limiter.settle(reservation, refunded.length > 0 ? 'refund' : 'keep', refunded);
      settle().catch(() => retrySoon(settle));
    });
  };

  const refuse = (
    decision: Decision,
    req: IncomingMessage,
    res: ServerResponse,
    next: Next,
  ): false | Promise<false> => {
    const answered = onProblem(refusal(decision), req, res, next);
    return isPromise(answered) ? answered.then(() => false) : false;
  };

  /** Tells what was decided; true when the request may go on. */
  const answer = (
    decision: Decision,
    req: IncomingMessage,
    res: ServerResponse,
    next: Next,
  ): boolean | Promise<boolean> => {
    const meeting = meet(req, limiter, decision, headers);
    settleAtEnd(decision, req, res);
    // Somebody has answered meanwhile, a time-out perhaps: there is nothing left to tell or to refuse.
    if (res.headersSent) return decision.allowed;
    if (!decision.isUnknown) tellQuota(res, meeting);
    return decision.allowed || refuse(decision, req, res, next);
  };

  const pass = async (req: IncomingMessage, res: ServerResponse, next: Next): Promise<void> => {
    let isAllowed: boolean;
    try {
      const asked = ask(req);
      const answered = answer(isPromise(asked) ? await asked : asked, req, res, next);
      isAllowed = isPromise(answered) ? await answered : answered;
    } catch (thrown) {
      return next(asError(thrown));
    }
    if (isAllowed) next();
  };

  function rateLimitMiddleware(req: IncomingMessage, res: ServerResponse, next: Next): void {
    void pass(req, res, next);
  }

  const of = (req: IncomingMessage): Decision => {
    const meeting = meetingOf(req, limiter);
    if (meeting === undefined) throw notMounted('rateLimit');
    return meeting.decision;
  };
  return Object.assign(rateLimitMiddleware, { of, limiter });
}

/** To wait for what is there already takes a turn, and garbage. A client may write a `then` into a body, but no function. */
const isPromise = <T>(given: T | Promise<T>): given is Promise<T> =>
  typeof given === 'object' && given !== null && 'then' in given && typeof given.then === 'function';

/** What `key` gave, if it names anybody. Often it comes out of a body, where a client writes what it likes. */
function subjectFrom(given: unknown): Subject | undefined {
  if (typeof given === 'number') return String(given);
  if (typeof given === 'string') return given;
  const isTuple = Array.isArray(given) && given.length > 0 && given.every((part) => typeof part === 'string');
  return isTuple ? given : undefined;
}

/** Limiters in a row that speak one dialect speak together: each tells of those before it, too. */
function tellQuota(res: ServerResponse, meeting: Meeting): void {
  const tellers = tellersUpTo(meeting);
  const isAlone = tellers.length === 1;
  const spoken = isAlone ? meeting.dialects : tellers.flatMap(({ dialects }) => dialects);
  for (const dialect of meeting.dialects) {
    // Two dialects that say different things in one field: the newer one speaks.
    if (dialect === 'draft-7' && spoken.includes('draft-11')) continue;
    const together = isAlone
      ? meeting.decision.standings
      : tellers.flatMap(({ dialects, decision }) => (dialects.includes(dialect) ? decision.standings : []));
    const headers = quotaHeaders(dialect, together, spoken);
    for (const name of Object.keys(headers)) res.setHeader(name, headers[name] as string);
  }
}

/** The policies that a finished answer does not count for. An aborted connection counts: nobody can hang up to go free. */
function uncharged({ all }: Policies, ended: Ended, req: IncomingMessage, res: ServerResponse): string[] {
  if (ended.aborted) return [];
  return all.filter(({ charge }) => !isCharged(charge, ended, req, res)).map(({ name }) => name);
}

function isCharged(charge: Charge, { status }: Ended, req: IncomingMessage, res: ServerResponse): boolean {
  if (charge === 'always') return true;
  if (charge === 'failure') return status >= 400 && status < 500 && status !== 429;
  try {
    return charge(req, res);
  } catch {
    return true; // who cannot say that it does not count has not said so
  }
}
