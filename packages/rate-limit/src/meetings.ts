import { attachment } from '@turnpike/core';
import type { Decision } from './decision.ts';
import type { HeaderDialect } from './headers.ts';
import type { RateLimiter } from './limiter.ts';

/** What a request has met: a limiter, what it decided, how it tells that; and whom the request had met before. */
export interface Meeting {
  readonly limiter: RateLimiter;
  readonly decision: Decision;
  readonly dialects: readonly HeaderDialect[];
  readonly before: Meeting | undefined;
}

/** One for all limiters: a table of requests is work for the collector, too. */
const latest = attachment<Meeting>('rateLimit');

export function meet(
  req: object,
  limiter: RateLimiter,
  decision: Decision,
  dialects: readonly HeaderDialect[],
): Meeting {
  const meeting: Meeting = { limiter, decision, dialects, before: latest.find(req) };
  latest.attach(req, meeting);
  return meeting;
}

/** The last time that this request met this limiter. */
export function meetingOf(req: object, limiter: RateLimiter): Meeting | undefined {
  let meeting = latest.find(req);
  while (meeting !== undefined && meeting.limiter !== limiter) meeting = meeting.before;
  return meeting;
}

/** Those who have something to tell, in the order in which they were met. */
export function tellersUpTo(meeting: Meeting | undefined): readonly Meeting[] {
  if (meeting === undefined) return [];
  const before = tellersUpTo(meeting.before);
  return meeting.decision.isUnknown ? before : [...before, meeting];
}
