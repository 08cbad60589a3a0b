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

const jsonOf = (policies: readonly Policy[], settles: (policy: Policy) => boolean): string =>
  JSON.stringify(
    policies.map((policy) => {
      const { algorithm, limit, windowMs, burst } = policy;
      return { algorithm, limit, windowMs, burst, settles: settles(policy) };
    }),
  );

/** Most limiters ask with the same policies each time. */
const written = new WeakMap<readonly Policy[], string>();

function policiesJson(policies: readonly Policy[]): string {
  let json = written.get(policies);
  if (json === undefined) written.set(policies, (json = jsonOf(policies, ({ charge }) => charge !== 'always')));
  return json;
}

export const take: Script<Take, Verdict> = defineScript({
  lua: takeLua,
  grants: true,
  encode: ({ key, id, cost, block, policies }) => ({
    keys: [key],
    argv: [id, cost, policiesJson(policies), block === undefined ? '' : JSON.stringify(block)],
  }),
  decode: verdict,
});

export const peek: Script<Question, Verdict> = defineScript({
  lua: peekLua,
  encode: ({ key, cost, policies }) => ({ keys: [key], argv: [cost, policiesJson(policies)] }),
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
  encode: ({ key, id, policies, refunded }) => ({
    keys: [key],
    argv: [id, jsonOf(policies, ({ name }) => refunded.includes(name))],
  }),
  decode: (reply) => (reply as [tag: 'settled' | 'nothing', n: Integer])[0] === 'settled',
});

export const block: Script<Omit<Question, 'cost'> & { durationMs: number }, void> = defineScript({
  lua: blockLua,
  encode: ({ key, durationMs, policies }) => ({ keys: [key], argv: [durationMs, policiesJson(policies)] }),
  decode: () => undefined,
});

export const reset: Script<string, boolean> = defineScript({
  lua: resetLua,
  encode: (key) => ({ keys: [key], argv: [] }),
  decode: (reply) => Number((reply as [tag: 'reset', existed: Integer])[1]) === 1,
});
