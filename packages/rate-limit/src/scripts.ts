import { type Script, defineScript } from '@turnpike/core';
import { blockLua, peekLua, resetLua, settleLua, takeLua } from './lua.gen.ts';
import type { Policy } from './policy.ts';
import type { Question, Quota, Take, Verdict } from './verdict.ts';

/** An integer of Redis: a client may be set to hand it on as a string (`stringNumbers`). */
type Integer = number | string;

type QuotaReply = [used: Integer, resetMs: Integer, waitMs: Integer];

type Reply = [tag: 'allow', quotas: QuotaReply[]] | [tag: 'deny' | 'block', waitMs: Integer, quotas: QuotaReply[]];

const waitOf = (waitMs: number): number | undefined => (waitMs < 0 ? undefined : waitMs);

const quotaOf = ([used, resetMs, waitMs]: QuotaReply): Quota => ({
  used: Number(used),
  resetMs: Number(resetMs),
  waitMs: waitOf(Number(waitMs)),
});

function verdict(reply: unknown): Verdict {
  const said = reply as Reply;
  if (said[0] === 'allow') return { kind: 'allow', waitMs: 0, quotas: said[1].map(quotaOf) };
  return { kind: said[0], waitMs: waitOf(Number(said[1])), quotas: said[2].map(quotaOf) };
}

/** `refunded` names the policies a settle is about; by default those whose charge may be settled. */
const policyArguments = (policies: readonly Policy[], refunded?: readonly string[]): (string | number)[] =>
  policies.flatMap(({ name, algorithm, limit, windowMs, burst, charge }) => [
    algorithm,
    limit,
    windowMs,
    burst,
    (refunded?.includes(name) ?? charge !== 'always') ? 1 : 0,
  ]);

export const take: Script<Take, Verdict> = defineScript({
  lua: takeLua,
  grants: true,
  encode: ({ key, id, cost, block, policies }) => ({
    keys: [key],
    argv: [id, cost, block?.afterDenials ?? 0, block?.durationMs ?? 0, block?.maxMs ?? 0, ...policyArguments(policies)],
  }),
  decode: verdict,
});

export const peek: Script<Question, Verdict> = defineScript({
  lua: peekLua,
  encode: ({ key, cost, policies }) => ({ keys: [key], argv: [cost, ...policyArguments(policies)] }),
  decode: verdict,
});

/** Which charge a settle takes back, and from which policies. */
export interface Refund {
  readonly key: string;
  readonly id: string;
  readonly policies: readonly Policy[];
  readonly refunded: readonly string[];
}

export const settle: Script<Refund, boolean> = defineScript({
  lua: settleLua,
  encode: ({ key, id, policies, refunded }) => ({ keys: [key], argv: [id, ...policyArguments(policies, refunded)] }),
  decode: (reply) => (reply as [tag: 'settled' | 'nothing', n: Integer])[0] === 'settled',
});

export const block: Script<Omit<Question, 'cost'> & { durationMs: number }, void> = defineScript({
  lua: blockLua,
  encode: ({ key, durationMs, policies }) => ({ keys: [key], argv: [durationMs, ...policyArguments(policies)] }),
  decode: () => undefined,
});

export const reset: Script<string, boolean> = defineScript({
  lua: resetLua,
  encode: (key) => ({ keys: [key], argv: [] }),
  decode: (reply) => Number((reply as [tag: 'reset', existed: Integer])[1]) === 1,
});
