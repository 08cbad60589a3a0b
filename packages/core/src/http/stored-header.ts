import { validateHeaderName, validateHeaderValue } from 'node:http';
import type { RecordedHeader } from './recording.ts';

/** Fields of one connection (RFC 9110 §7.6.1), and those between a client and its proxy (RFC 9111 §3.1), in lower case. */
export const OF_CONNECTION: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authentication-info',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** What belongs to one client, or to one moment. */
const PASSING: ReadonlySet<string> = new Set(['date', 'set-cookie', 'server-timing', 'ratelimit']);

const PASSING_PREFIXED = ['ratelimit-', 'x-ratelimit-'];

/**
 * Whether a header may be given again, to another client at another time. `connection` holds the names that the answer's
 * own Connection header lists. Content-Length is the writer's to compute.
 */
export const isStored = (name: string, connection: ReadonlySet<string>): boolean =>
  !OF_CONNECTION.has(name) &&
  !PASSING.has(name) &&
  !PASSING_PREFIXED.some((prefix) => name.startsWith(prefix)) &&
  !connection.has(name);

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
