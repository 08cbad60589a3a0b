import { type Exchange, type History, type Op, touches } from '../history.ts';

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

/** Requests that took too long, or were answered with what nobody expects; but of an instance that stood still. */
export function unanswered({ exchanges, standstills }: Pick<History, 'exchanges' | 'standstills'>): string[] {
  return exchanges.flatMap((exchange) => {
    const { instance, op, sentAt, receivedAt, status, code } = exchange;
    const stood = standstills.some((still) => still.instance === instance && touches(still, span(exchange)));
    if (stood) return [];
    const tookMs = Math.round(receivedAt - sentAt);
    return [
      ...(tookMs > LONGEST_MS ? [`${op} took ${tookMs} ms, and was answered ${status}`] : []),
      ...(ANSWERS[op].includes(status) ? [] : [`${op} was answered ${status} (${code ?? 'no code'})`]),
    ];
  });
}

const span = ({ sentAt, receivedAt }: Exchange): { from: number; to: number } => ({ from: sentAt, to: receivedAt });
