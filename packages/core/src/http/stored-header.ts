import { validateHeaderName, validateHeaderValue } from 'node:http';
import type { RecordedHeader } from './recording.ts';

/** What belongs to one connection (RFC 9110 §7.6.1), one client or one moment, in lower case. */
const NEVER: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'date',
  'set-cookie',
  'server-timing',
  'ratelimit',
]);

const NEVER_PREFIXED = ['ratelimit-', 'x-ratelimit-'];

/**
 * Whether a header may be given again, to another client at another time. `connection` holds the names that the answer's
 * own Connection header lists. Content-Length is the writer's to compute.
 */
export const isStored = (name: string, connection: ReadonlySet<string>): boolean =>
  !NEVER.has(name) && !NEVER_PREFIXED.some((prefix) => name.startsWith(prefix)) && !connection.has(name);

/**
 * Headers that somebody has written by hand, as a recording holds them: without those that are never stored.
 *
 * @throws TypeError for what no header can say
 */
export function storedHeaders(
  headers: Readonly<Record<string, string | number | readonly string[] | undefined>>,
): RecordedHeader[] {
  return Object.entries(headers).flatMap(([name, given]): RecordedHeader[] => {
    if (given === undefined || name.toLowerCase() === 'content-length' || !isStored(name.toLowerCase(), new Set()))
      return [];
    const value = typeof given === 'object' ? given.map(String) : String(given);
    validateHeaderName(name);
    for (const one of [value].flat()) validateHeaderValue(name, one);
    return [[name, value]];
  });
}
