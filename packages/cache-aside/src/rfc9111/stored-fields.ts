import { OF_CONNECTION, type RecordedHeader } from '@turnpike/core/http';
import type { Directives } from '../express/cache-control.ts';
import { dated } from '../express/dated.ts';
import { qualifiedFields } from './qualified.ts';

/** RFC 9111 §3.1: everything is stored but what belongs to one connection. `connection`: the names that Connection lists. */
export const isStoredField = (name: string, connection: ReadonlySet<string>): boolean =>
  !OF_CONNECTION.has(name) && !connection.has(name);

/** Said anew of every answer from the cache. */
const SAID_ANEW = ['age', 'cache-status'];

/** The fields of an answer as they are stored. */
export function storedFields(
  headers: readonly RecordedHeader[],
  directives: Directives,
  answeredMs: number,
): readonly RecordedHeader[] {
  const omitted = new Set([...SAID_ANEW, ...qualifiedFields(directives)]);
  const kept = headers.filter(([name]) => !omitted.has(name.toLowerCase()));
  return dated(kept, answeredMs);
}
