import type { Directives } from '../express/cache-control.ts';
import { fieldsOf } from '../express/storable.ts';

/** Those that may be about some fields only (RFC 9111 §5.2.2.4, §5.2.2.7). */
type Qualifiable = 'no-cache' | 'private';

/** The fields that a directive names, in lower case. */
const namesOf = (directives: Directives, name: Qualifiable): readonly string[] => {
  const value = directives.get(name);
  return typeof value === 'string' ? fieldsOf(value) : [];
};

/** Whether a directive is about all of an answer: also where it names nothing that can be read. */
export const isUnqualified = (directives: Directives, name: Qualifiable): boolean =>
  directives.has(name) && namesOf(directives, name).length === 0;

/** The fields of an answer that are not stored, because whose they are, or how long they hold, is not said. */
export const qualifiedFields = (directives: Directives): readonly string[] => [
  ...namesOf(directives, 'no-cache'),
  ...namesOf(directives, 'private'),
];
