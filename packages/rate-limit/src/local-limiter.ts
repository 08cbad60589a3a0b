import { type Quoted, type State, algorithms, refunded } from './algorithms.ts';
import type { Refund } from './scripts.ts';
import type { BlockRule, Question, Take, Verdict } from './verdict.ts';

/** The most subjects remembered at once; the one unused for longest is forgotten first. */
const MAX_SUBJECTS = 10_000;

/** Charges of a subject that may still be refunded. */
const MAX_RESERVATIONS = 1000;

interface Subject {
  states: (State | undefined)[];
  reservations: { id: string; cost: number; marks: number[] }[];
  denials: number;
  strikes: number;
  blockedUntilMs: number;
  forgottenMs: number;
}

/** The limiter of one process, without Redis: the same decisions, for the requests that this process sees. */
export interface LocalLimiter {
  take(question: Take): Verdict;
  peek(question: Question): Verdict;
  settle(refund: Refund): boolean;
  block(question: Omit<Question, 'cost'>, durationMs: number): void;
  reset(key: string): boolean;
}

/** `clock` is a monotonic one, in ms. */
export function createLocalLimiter(clock: () => number): LocalLimiter {
  const nowMs = (): number => Math.floor(clock());
  const subjects = new Map<string, Subject>();

  /** What is known of a subject, which counts as used now. */
  const subjectOf = (key: string): Subject => {
    const known = subjects.get(key) ?? {
      states: [],
      reservations: [],
      denials: 0,
      strikes: 0,
      blockedUntilMs: 0,
      forgottenMs: 0,
    };
    subjects.delete(key);
    subjects.set(key, known);
    const [leastUsed] = subjects.keys();
    if (subjects.size > MAX_SUBJECTS && leastUsed !== undefined) subjects.delete(leastUsed);
    return known;
  };

  const quotesOf = (subject: Subject | undefined, { policies, cost }: Question, now: number): Quoted[] =>
    policies.map((policy, i) => algorithms[policy.algorithm](subject?.states[i], policy, cost, now));

  const verdictOf = (subject: Subject | undefined, question: Question, quotes: Quoted[], now: number): Verdict => {
    const quotas = quotes.map(({ used, resetMs, waitMs }, i) => ({
      used,
      resetMs,
      waitMs: question.cost > (question.policies[i]?.burst ?? 0) ? undefined : waitMs,
    }));
    const waits = quotas.map(({ waitMs }) => waitMs ?? Infinity);
    const blockMs = Math.max((subject?.blockedUntilMs ?? 0) - now, 0);
    const waitMs = Math.max(...waits, blockMs);
    const kind = blockMs > 0 ? 'block' : waitMs > 0 ? 'deny' : 'allow';
    return { kind, waitMs: waitMs === Infinity ? undefined : waitMs, quotas };
  };

  const strike = (subject: Subject, rule: BlockRule, now: number): void => {
    if (now >= subject.forgottenMs) Object.assign(subject, { denials: 0, strikes: 0 });
    subject.denials += 1;
    if (subject.denials >= rule.afterDenials) {
      subject.denials = 0;
      subject.strikes = Math.min(subject.strikes + 1, 50);
      subject.blockedUntilMs = now + Math.min(rule.durationMs * 2 ** (subject.strikes - 1), rule.maxMs);
    }
    subject.forgottenMs = Math.max(subject.blockedUntilMs, now) + rule.maxMs;
  };

  const charge = (subject: Subject, { id, cost, policies }: Take, quotes: Quoted[]): void => {
    subject.denials = 0;
    subject.states = quotes.map(({ charged }) => charged);
    if (policies.every((policy) => policy.charge === 'always')) return;
    subject.reservations.push({ id, cost, marks: quotes.map(({ charged }) => charged[0] ?? 0) });
    if (subject.reservations.length > MAX_RESERVATIONS) subject.reservations.shift();
  };

  return {
    take(question) {
      const now = nowMs();
      const subject = subjectOf(question.key);
      const quotes = quotesOf(subject, question, now);
      const verdict = verdictOf(subject, question, quotes, now);
      if (verdict.kind === 'allow') {
        charge(subject, question, quotes);
        const quotas = quotes.map(({ used, chargedMs }) => ({
          used: used + question.cost,
          resetMs: chargedMs,
          waitMs: 0,
        }));
        return { ...verdict, quotas };
      }
      if (verdict.kind === 'deny' && question.block !== undefined && verdict.waitMs !== undefined) {
        strike(subject, question.block, now);
        return verdictOf(subject, question, quotes, now);
      }
      return verdict;
    },
    peek(question) {
      const now = nowMs();
      const subject = subjects.get(question.key);
      return verdictOf(subject, question, quotesOf(subject, question, now), now);
    },
    settle({ key, id, policies, refunded: names }) {
      const subject = subjects.get(key);
      const position = subject?.reservations.findIndex((reservation) => reservation.id === id) ?? -1;
      if (subject === undefined || position < 0) return false;
      const [reservation] = subject.reservations.splice(position, 1);
      policies.forEach((policy, i) => {
        const [state, mark] = [subject.states[i], reservation?.marks[i]];
        if (state === undefined || mark === undefined || !names.includes(policy.name)) return;
        const [rest, moved] = refunded(state, policy, mark, reservation?.cost ?? 0, nowMs());
        subject.states[i] = rest;
        for (const younger of subject.reservations.slice(position)) younger.marks[i] = (younger.marks[i] ?? 0) - moved;
      });
      return true;
    },
    block({ key }, durationMs) {
      const subject = subjectOf(key);
      subject.blockedUntilMs = nowMs() + durationMs;
      subject.forgottenMs = Math.max(subject.forgottenMs, subject.blockedUntilMs);
    },
    reset: (key) => subjects.delete(key),
  };
}
