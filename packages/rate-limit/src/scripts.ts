import { type Script, defineScript } from '@turnpike/core';
import { peekLua, resetLua, takeLua } from './lua.gen.ts';
import type { Policy } from './policy.ts';

/** What a script says of a policy. */
export type Verdict =
  | { readonly allowed: true; readonly used: number; readonly resetMs: number }
  /** `waitMs` undefined: no wait helps, the cost is above the limit. */
  | { readonly allowed: false; readonly used: number; readonly resetMs: number; readonly waitMs: number | undefined };

type Reply = [tag: 'allow', used: number, resetMs: number] | [tag: 'deny', used: number, resetMs: number, waitMs: number];

function verdict(reply: unknown): Verdict {
  const [tag, used, resetMs, waitMs] = reply as Reply;
  if (tag === 'allow') return { allowed: true, used, resetMs };
  return { allowed: false, used, resetMs, waitMs: waitMs !== undefined && waitMs > 0 ? waitMs : undefined };
}

interface Question {
  readonly key: string;
  readonly policy: Policy;
  readonly cost: number;
}

const policyArguments = ({ cost, policy }: Question): (string | number)[] => [
  cost,
  policy.algorithm,
  policy.limit,
  policy.windowMs,
];

export const take: Script<Question & { readonly id: string }, Verdict> = defineScript({
  lua: takeLua,
  grants: true,
  encode: (question) => ({ keys: [question.key], argv: [question.id, ...policyArguments(question)] }),
  decode: verdict,
});

export const peek: Script<Question, Verdict> = defineScript({
  lua: peekLua,
  encode: (question) => ({ keys: [question.key], argv: policyArguments(question) }),
  decode: verdict,
});

export const reset: Script<string, boolean> = defineScript({
  lua: resetLua,
  encode: (key) => ({ keys: [key], argv: [] }),
  decode: (reply) => (reply as [tag: 'reset', existed: number])[1] === 1,
});
