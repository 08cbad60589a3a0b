import { Redis } from 'ioredis';
import type { RedisServer } from '@turnpike/test-kit';
import type { Place } from '../harness/case.ts';
import { must } from '../harness/http.ts';

/** A number that stands in the names of things of which there are many, behind a letter: all of one length. */
export const numbered = (n: number): string => String(n).padStart(7, '0');

/**
 * Copies one key under the names of others, by the server itself: what a million requests would leave. Where its name holds a
 * letter and seven digits, those are what differs, so that they are the keys of others; where it is a digest, its end does.
 */
const COPY = `
local value, from, to = redis.call('DUMP', KEYS[1]), tonumber(ARGV[1]), tonumber(ARGV[2])
for n = from, to - 1 do
  local number = string.format('%07d', n)
  local name, found = string.gsub(KEYS[1], '(%a)%d%d%d%d%d%d%d', '%1' .. number, 1)
  if found == 0 then name = string.sub(KEYS[1], 1, -8) .. number end
  redis.call('RESTORE', name, 3600000, value, 'REPLACE')
end`;

/** So many at a time: a script holds up everybody else. */
const STEP = 20_000;

/** Adds the keys from number `from` until there are `to` of them. There is at least one. */
export async function addKeys({ host, port }: RedisServer, from: number, to: number): Promise<void> {
  const redis = new Redis({ host, port });
  const [first] = await redis.keys(`*[a-z]${numbered(0)}*`);
  const key = first ?? (await redis.randomkey());
  if (key === null) throw new Error('There is no key to copy');
  for (let n = from; n < to; n += STEP) await redis.eval(COPY, 1, key, n, Math.min(n + STEP, to));
  redis.disconnect();
}

/** Throws where requests made keys of their own, beside those that were to be theirs. */
export const atMostKeys =
  (most: number) =>
  async ({ redis: { host, port } }: Pick<Place, 'redis'>): Promise<void> => {
    const redis = new Redis({ host, port });
    const keys = await redis.dbsize();
    redis.disconnect();
    must(keys <= most, `there are ${keys} keys instead of ${most}`);
  };
