import type { RecordedHeader } from '@turnpike/core/http';
import type { Rules } from '../express/profile.ts';
import type { Head } from '../express/storable.ts';
import type { Staleness } from '../freshness.ts';
import { askedOf } from './asked.ts';
import { changedUrls } from './invalidation.ts';
import type { Keeping } from './judging.ts';
import type { CheckedOptions } from './options.ts';
import { isStoredField, storedFields } from './stored-fields.ts';
import { type Policy, policyOf } from './targeted.ts';
import { identifies, updatedFields } from './updating.ts';

/** A shared cache of HTTP by the letter of RFC 9111: each rule is in the module that is named after it. */
export function sharedCache({ targets, ...options }: CheckedOptions, agreed: Staleness): Rules {
  const keeping: Keeping = { ...options, agreed };
  const policy = (headers: Head['headers']): Policy => policyOf(headers, targets);

  return {
    // §3.5, and nothing else, is about who asks.
    ownerOf: () => Promise.resolve(undefined),
    watchesReads: false,
    tellsForwards: true,
    isStored: isStoredField,
    stored(recording, { answeredMs }) {
      const { directives } = policy(headersOf(recording.headers));
      return { ...recording, headers: storedFields(recording.headers, directives, answeredMs) };
    },
    freshened({ recording }, said, { answeredMs }) {
      // It holds, and says nothing of its fields.
      if (!identifies(said.headers, recording.headers)) return { recording, ageMs: 0 };
      // Without a Date it is from now on that it holds.
      const news = storedFields(said.headers, new Map(), answeredMs);
      const age = said.headers.filter(([name]) => name.toLowerCase() === 'age');
      return { recording: { ...recording, headers: [...updatedFields(recording.headers, news), ...age] } };
    },
    changed: changedUrls,
    asked: (req) => askedOf(req, policy, keeping),
  };
}

const headersOf = (headers: readonly RecordedHeader[]): Record<string, string> =>
  Object.fromEntries(headers.map(([name, value]) => [name.toLowerCase(), String(value)]));
