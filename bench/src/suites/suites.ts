import type { Case } from '../harness/case.ts';
import type { Crowd } from '../harness/crowd.ts';
import { cacheAsideCases } from './cache-aside.ts';
import { chainCases } from './chain.ts';
import { crowds } from './crowds.ts';
import { growthCases } from './growth.ts';
import { idempotencyCases } from './idempotency.ts';
import { rateLimitCases } from './rate-limit.ts';
import { singleSessionCases } from './single-session.ts';

/** What one word on the command line measures. */
export interface Suite {
  readonly name: string;
  readonly cases: readonly Case[];
  readonly crowds: readonly Crowd[];
}

export const suites: readonly Suite[] = [
  { name: 'rate-limit', cases: rateLimitCases, crowds: [] },
  { name: 'single-session', cases: singleSessionCases, crowds: [] },
  { name: 'idempotency', cases: idempotencyCases, crowds: [] },
  { name: 'cache-aside', cases: cacheAsideCases, crowds },
  { name: 'chain', cases: chainCases, crowds: [] },
  { name: 'growth', cases: growthCases, crowds: [] },
];
