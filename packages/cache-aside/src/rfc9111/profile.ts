import type { RecordedHeader } from '@turnpike/core/http';
import type { Rules } from '../express/profile.ts';
import type { Head } from '../express/storable.ts';
import type { Staleness } from '../freshness.ts';
import { askedOf } from './asked.ts';
import { reportOf } from './head.ts';
import { changedUrls } from './invalidation.ts';
import { type Keeping, expired, judged } from './judging.ts';
import type { CheckedOptions } from './options.ts';
import { isStoredField, storedFields } from './stored-fields.ts';
import { type Policy, policyOf } from './targeted.ts';
import { identifies, updatedFields } from './updating.ts';
import { normalField } from './vary.ts';

/** A shared cache of HTTP by the letter of RFC 9111: each rule is in the module that is named after it. */
export function sharedCache({ targets, ...options }: CheckedOptions, agreed: Staleness): Rules {
  const keeping: Keeping = { ...options, agreed };
  const policy = (headers: Head['headers']): Policy => policyOf(headers, targets);

  return {
    // §3.5, and nothing else, is about who asks.
    ownerOf: () => undefined,
    watchesReads: false,
    tellsForwards: true,
    normal: normalField,
    isStored: isStoredField,
    stored(recording, { answeredMs }) {
      const { directives } = policy(headersOf(recording.headers));
      return { ...recording, headers: storedFields(recording.headers, directives, answeredMs) };
    },
    freshened({ recording }, said, { answeredMs }) {
      // It holds, and says nothing of its fields.
      if (!identifies(said.headers, recording.headers)) return { recording, ageMs: 0 };
      return {
        recording: { ...recording, headers: updatedFields(recording.headers, newsOf(said.headers, answeredMs)) },
      };
    },
    afterHead(page, head, { askedMs, answeredMs }) {
      const report = reportOf(page, head);
      if (report === undefined) return undefined;
      if (!report.isSame) return expired(page, keeping);
      const { recording } = page;
      const said = updatedFields(recording.headers, newsOf(report.headers, answeredMs));
      const run = { askedMs, answeredMs, isConditional: false, held: undefined };
      const told = { status: recording.status, headers: headersOf(said) };
      const judgement = judged(told, policy(told.headers), run, keeping);
      if (judgement.kind === 'refused') return expired(page, keeping);
      const { head: now, lasting } = judgement.kept;
      const headers = storedFields(said, policy(told.headers).directives, answeredMs);
      return { page: { ...now, bornMs: answeredMs, recording: { ...recording, headers } }, lasting };
    },
    changed: changedUrls,
    asked: (req) => askedOf(req, policy, keeping),
  };
}

const headersOf = (headers: readonly RecordedHeader[]): Record<string, string> =>
  Object.fromEntries(headers.map(([name, value]) => [name.toLowerCase(), String(value)]));

/** What is said anew of a stored answer: without a Date it is from now on that it holds. */
function newsOf(said: readonly RecordedHeader[], answeredMs: number): readonly RecordedHeader[] {
  const age = said.filter(([name]) => name.toLowerCase() === 'age');
  return [...storedFields(said, new Map(), answeredMs), ...age];
}
