import { type Exchange, type History, type Interval, type Op, stallsOf, touches } from '../history.ts';
import { runningMs } from '../stalls.ts';

/** No request takes longer, whatever Redis does. */
const LONGEST_MS = 2_000;

/** What the app may answer, by what it was asked. */
const ANSWERS: Readonly<Record<Op, readonly number[]>> = {
  take: [200, 429, 503],
  login: [200, 503],
  me: [200, 401, 503],
  order: [201, 401, 409, 503],
  read: [200, 503],
  write: [200, 503],
};

/**
 * A process that stands still for longer than its load may take has failed to load, also for those who wait in others; and
 * they remember it for a while.
 */
const [LOAD_TIMEOUT, REMEMBERED_MS] = ['ERR_TURNPIKE_LOAD_TIMEOUT', 2_000];

/**
 * Requests that took too long, or were answered with what nobody expects. Time in which an instance stood still is counted
 * out; of one that was killed there is no answer to wait for.
 */
export function unanswered({ exchanges, standstills, stalls }: History): string[] {
  return exchanges.flatMap((exchange) => {
    const { instance, op, sentAt, receivedAt, status, code } = exchange;
    const own = standstills.filter((still) => still.instance === instance && touches(still, span(exchange)));
    if (status === 0 && own.some(({ how }) => how === 'killed')) return [];
    const tookMs = Math.round(receivedAt - sentAt);
    const isOfAnother =
      code === LOAD_TIMEOUT && [...standstills, ...stalls].some((still) => touches(still, before(exchange)));
    const isExpected = ANSWERS[op].includes(status) || isOfAnother;
    const lost = [...stallsOf(instance, stalls), ...own];
    const isTooLong = tookMs > LONGEST_MS && runningMs(span(exchange), lost) > LONGEST_MS;
    return [
      ...(isTooLong ? [`${op} took ${tookMs} ms, and was answered ${status}`] : []),
      ...(isExpected ? [] : [`${op} was answered ${status} (${code ?? 'no code'})`]),
    ];
  });
}

const span = ({ sentAt, receivedAt }: Exchange): Interval => ({ from: sentAt, to: receivedAt });

const before = ({ sentAt, receivedAt }: Exchange): Interval => ({ from: sentAt - REMEMBERED_MS, to: receivedAt });
