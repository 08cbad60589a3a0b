import type { Case } from '../harness/case.ts';
import type { Crowd } from '../harness/crowd.ts';
import type { Series } from '../harness/growth.ts';
import { cacheAsideCases } from './cache-aside.ts';
import { chainCases } from './chain.ts';
import { crowds } from './crowds.ts';
import { growth } from './growth.ts';
import { idempotencyCases } from './idempotency.ts';
import { rateLimitCases } from './rate-limit.ts';
import { singleSessionCases } from './single-session.ts';

/** What one word on the command line measures. */
export interface Suite {
  readonly name: string;
  readonly cases?: readonly Case[];
  readonly crowds?: readonly Crowd[];
  readonly growth?: readonly Series[];
}

/** In the order in which they are measured, and pages show them. */
export const suites: readonly Suite[] = [
  { name: 'rate-limit', cases: rateLimitCases },
  { name: 'single-session', cases: singleSessionCases },
  { name: 'idempotency', cases: idempotencyCases },
  { name: 'cache-aside', cases: cacheAsideCases, crowds },
  { name: 'chain', cases: chainCases },
  { name: 'growth', growth },
];
