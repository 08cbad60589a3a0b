import { type Keyspace, type OptionChecks, keyspace, pseudonym } from '@turnpike/core';
import type { Policy } from './policy.ts';

/** Who is counted: a string, or a tuple of strings such as tenant and user. Distinct ones never meet. */
export type Subject = string | readonly string[];

/**
 * The key of a subject under some policies. What a policy counts by is part of it: what one window counted means nothing
 * in another. What keys begin with under the policies `usual` is made once.
 */
export function subjectKeys(
  check: OptionChecks,
  usual: readonly Policy[],
  { prefix, pepper }: { readonly prefix: string; readonly pepper: string | undefined },
): (subject: Subject, under: readonly Policy[]) => string {
  const keysUnder = (policies: readonly Policy[]): Keyspace => keyspace('rate-limit', prefix, countersOf(policies));
  const usualKeys = keysUnder(usual);
  return (subject, under) => {
    const parts = typeof subject === 'string' ? [subject] : subject;
    const isSubject = Array.isArray(parts) && parts.length > 0 && parts.every((part) => typeof part === 'string');
    check.must(isSubject, 'key', 'a string, or a tuple of strings', subject);
    const named = pepper === undefined ? parts : parts.map((part) => pseudonym(part, pepper));
    return (under === usual ? usualKeys : keysUnder(under))(named);
  };
}

/**
 * By what a policy counts: its algorithm and window, and for a token bucket, whose tokens are worth `windowMs / limit`
 * each, its limit.
 */
const counterOf = ({ algorithm, windowMs, limit }: Policy): string =>
  algorithm === 'token-bucket' ? `t${windowMs}.${limit}` : `${algorithm.charAt(0)}${windowMs}`;

/** Each policy's name, and what it counts by. All but the last counter say that more follows. */
const countersOf = (policies: readonly Policy[]): string[] =>
  policies.flatMap((policy, index) => [policy.name, counterOf(policy) + (index + 1 < policies.length ? '-' : '')]);
