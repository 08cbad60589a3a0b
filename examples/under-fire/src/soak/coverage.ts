import type { Exchange } from '../history.ts';
import { FAULT_KINDS } from './schedule.ts';

/** How often each came: faults by `nameOf`, answers by `answerOf`. */
export interface Coverage {
  readonly faults: ReadonlyMap<string, number>;
  readonly answers: ReadonlyMap<string, number>;
}

/** In so long everything comes, many times. */
const ENOUGH_SECONDS = 60;

/** An oracle that has seen nothing is right, too: what every package has to have answered, with Redis and without. */
const ANSWERS = [
  'take 200',
  'take 200 without Redis',
  'take 429',
  'login 200',
  'login 503',
  'me 200',
  'me 401',
  'me 503',
  'order 201',
  'order 409',
  'order 503',
  'read 200',
  'read 200 without Redis, or joined',
  'read 200 from its process',
  'write 200',
];

export function answerOf(exchange: Exchange): string {
  const { op, status } = exchange;
  if (status === 0) return `${op} unanswered`;
  return `${op} ${status}${status === 200 ? byWhom(exchange) : ''}`;
}

function byWhom(exchange: Exchange): string {
  if (exchange.op === 'take' && exchange.isDegraded) return ' without Redis';
  if (exchange.op === 'read' && exchange.isDegraded) return ' without Redis, or joined';
  return exchange.op === 'read' && exchange.isNear ? ' from its process' : '';
}

/** What a soak of so long has to have seen, and has not. */
export function notSeen(seconds: number, { faults, answers }: Coverage): string[] {
  if (seconds < ENOUGH_SECONDS) return [];
  const kinds = FAULT_KINDS.filter((kind) => ![...faults.keys()].some((name) => name.startsWith(kind)));
  return [...kinds, ...ANSWERS.filter((answer) => !answers.has(answer))].map((name) => `${name} has never come`);
}

export function countOf<T>(things: readonly T[], nameOf: (thing: T) => string): Map<string, number> {
  const counts = new Map<string, number>();
  for (const name of things.map(nameOf)) counts.set(name, (counts.get(name) ?? 0) + 1);
  return counts;
}
