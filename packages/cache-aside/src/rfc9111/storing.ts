import type { Directives } from '../express/cache-control.ts';
import { type Refusal, fieldsOf } from '../express/storable.ts';
import { mayBeShared } from './authorization.ts';
import { mayBeGuessed } from './heuristic.ts';
import { forbidsStoring, isNotUnderstood } from './must-understand.ts';
import { isUnqualified } from './qualified.ts';

/** An answer, and what it answers. */
export interface Answer {
  readonly method: string;
  readonly status: number;
  readonly vary: string | undefined;
  readonly directives: Directives;
  /** It says when it expires, by a field that counts. */
  readonly hasExpires: boolean;
  /** Its request said who asks. */
  readonly isAuthorized: boolean;
  /** Its request forbids to store what it brings. */
  readonly isRequestNoStore: boolean;
  /** Its request made it depend on what its client has. */
  readonly isConditional: boolean;
}

type Rule = readonly [why: Refusal, applies: (answer: Answer) => boolean];

/** RFC 9111 §3, one line a condition: why an answer is not stored. */
const RULES: readonly Rule[] = [
  ['method', ({ method }) => method !== 'GET'],
  // Parts are not put together here, and a 304 is no answer of its own.
  ['partial', ({ status }) => status === 206],
  ['conditional', ({ status, isConditional }) => status === 304 || (isConditional && status !== 200)],
  ['status', ({ status, directives }) => isNotUnderstood(status, directives)],
  ['no-store', ({ status, directives }) => forbidsStoring(status, directives)],
  ['request', ({ isRequestNoStore }) => isRequestNoStore],
  // With names it is about these fields only (§5.2.2.7).
  ['private', ({ directives }) => isUnqualified(directives, 'private')],
  ['authorization', ({ isAuthorized, directives }) => isAuthorized && !mayBeShared(directives)],
  // No request would ever match it (§4.1).
  ['vary', ({ vary }) => fieldsOf(vary).includes('*')],
  ['status', (answer) => !isMeantToBeStored(answer)],
];

const isMeantToBeStored = ({ status, directives, hasExpires }: Answer): boolean =>
  hasExpires || directives.has('max-age') || directives.has('s-maxage') || mayBeGuessed(status, directives);

/** Undefined: it may be stored. */
export const storingRefusal = (answer: Answer): Refusal | undefined =>
  RULES.find(([, applies]) => applies(answer))?.[0];
