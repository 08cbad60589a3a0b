import type { IncomingMessage, ServerResponse } from 'node:http';
import {
  type HttpRequest,
  type Middleware,
  type Next,
  type OnProblem,
  type Problem,
  attachment,
  optionChecks,
  warnOnce,
  writeProblem,
} from '@turnpike/core';
import { clientAddress } from './client-address.ts';
import { HEADER_DIALECTS, type HeaderDialect, retryAfter, writeQuota } from './headers.ts';
import {
  type Decision,
  LIMITER_OPTIONS,
  RIVALS,
  type RateLimiter,
  type RateLimiterOptions,
  createRateLimiter,
} from './limiter.ts';

/** What the middleware needs to know: the limiter's options, and who a request counts for. */
export interface RateLimitOptions extends RateLimiterOptions {
  /**
   * Who the request counts for. Undefined falls back to the client's address, with a warning.
   *
   * @default the client's address: `req.ip`, IPv6 cut to `ipv6Bits`
   */
  key?(req: HttpRequest): string | undefined | Promise<string | undefined>;
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

const MIDDLEWARE_OPTIONS: readonly (keyof RateLimitOptions)[] = ['key', 'ipv6Bits', 'headers', 'onProblem'];

/**
 * Answers 429 with Retry-After (RFC 6585 §4, RFC 9110 §10.2.3) when a caller is over its limit, and 503 when Redis did
 * not decide and `onStoreError` is `'deny'`. One Redis call a request, and never a wait beyond `deadlineMs`.
 *
 * @throws OptionError when an option breaks its rule
 */
export function rateLimit(options: RateLimitOptions): RateLimitMiddleware {
  const check = optionChecks('rateLimit', options);
  check.known([...LIMITER_OPTIONS, ...MIDDLEWARE_OPTIONS], RIVALS);
  const { key, ipv6Bits = 64, headers = ['draft-11'], onProblem = writeProblem, ...limiterOptions } = options;
  check.optionalFunction('key', key);
  check.integer('ipv6Bits', ipv6Bits, 1, 128);
  check.must(Array.isArray(headers), 'headers', 'an array of dialects', headers);
  for (const dialect of headers) check.oneOf('headers', dialect, HEADER_DIALECTS);
  check.optionalFunction('onProblem', onProblem);

  const limiter = createRateLimiter(limiterOptions);
  const warn = warnOnce(`rateLimit "${limiter.policy.name}"`);
  const decisions = attachment<Decision>('rateLimit');

  const subjectOf = async (req: HttpRequest): Promise<string> => {
    if (key === undefined) return clientAddress(req, ipv6Bits, warn);
    const subject = await key(req);
    if (subject !== undefined) return subject;
    warn('TURNPIKE_WARN_NO_KEY', 'the option "key" gave undefined for a request, which now counts for its client address.');
    // The space keeps addresses apart from keys, which a caller may choose.
    return `address ${clientAddress(req, ipv6Bits, warn)}`;
  };

  const ask = async (req: IncomingMessage): Promise<Decision> => limiter.take(await subjectOf(req));

  const answer = (decision: Decision, req: IncomingMessage, res: ServerResponse, next: Next): void => {
    decisions.attach(req, decision);
    if (!decision.degraded) writeQuota(res, headers, limiter.policy, decision);
    if (decision.allowed) next();
    else onProblem(refusal(decision), req, res, next);
  };

  function rateLimitMiddleware(req: IncomingMessage, res: ServerResponse, next: Next): void {
    ask(req)
      .then((decision) => answer(decision, req, res, next))
      .catch(next);
  }

  return Object.assign(rateLimitMiddleware, { of: decisions.of, limiter });
}

function refusal({ policy, retryAfterMs, degraded }: Decision): Problem {
  const headers = retryAfterMs === undefined ? {} : { 'Retry-After': retryAfter(retryAfterMs) };
  if (degraded) {
    return {
      status: 503,
      code: 'rate_limit_unavailable',
      detail: 'The limit of this resource cannot be checked at the moment. Try again shortly.',
      headers,
    };
  }
  return {
    status: 429,
    code: 'rate_limited',
    type: 'https://iana.org/assignments/http-problem-types#quota-exceeded',
    title: 'Request cannot be satisfied as assigned quota has been exceeded',
    detail:
      retryAfterMs === undefined
        ? `The cost of this request is above its whole limit "${policy}".`
        : `The limit "${policy}" is used up. Try again in ${retryAfter(retryAfterMs)} s.`,
    headers,
    extensions: { 'violated-policies': [policy] },
  };
}
