import type { Problem } from '@turnpike/core';
import type { Decision } from './decision.ts';
import { retryAfter } from './headers.ts';

/** A denial, as it is told to the client. */
export function refusal(decision: Decision): Problem {
  const { retryAfterMs, isUnknown } = decision;
  const headers = retryAfterMs === undefined ? {} : { 'Retry-After': retryAfter(retryAfterMs) };
  if (isUnknown) {
    return {
      status: 503,
      code: 'rate_limit_unavailable',
      detail: 'The limit of this resource cannot be checked at the moment. Try again shortly.',
      headers,
    };
  }
  const violated = decision.standings.filter((it) => it.violated && !it.policy.hidden).map(({ policy }) => policy.name);
  return {
    status: 429,
    code: decision.blocked ? 'rate_limit_blocked' : 'rate_limited',
    type: 'https://iana.org/assignments/http-problem-types#quota-exceeded',
    title: 'Request cannot be satisfied as assigned quota has been exceeded',
    detail: detailOf(decision, violated),
    headers,
    extensions: { 'violated-policies': violated },
  };
}

function detailOf({ retryAfterMs, blocked }: Decision, violated: readonly string[]): string {
  const limit = violated.length === 0 ? 'The limit' : `The limit "${violated.join('", "')}"`;
  if (retryAfterMs === undefined) return `${limit} is below the cost of this request, which can never pass.`;
  const wait = `Try again in ${retryAfter(retryAfterMs)} s.`;
  return blocked ? `Too many requests were refused. ${wait}` : `${limit} is used up. ${wait}`;
}
