import { Redis } from 'ioredis';
import type { RedisServer } from '@turnpike/test-kit';

/** A number that stands in the names of things of which there are many: all of one length. */
export const numbered = (n: number): string => String(n).padStart(7, '0');

/**
 * Copies one key under the names of others, by the server itself: what a million requests would leave. Where its name holds a
 * number of seven digits, that is what differs, so that they are the keys of others; where it is a digest, its end does.
 */
const COPY = `
local value, from, to = redis.call('DUMP', KEYS[1]), tonumber(ARGV[1]), tonumber(ARGV[2])
for n = from, to - 1 do
  local number = string.format('%07d', n)
  local name, found = string.gsub(KEYS[1], '%d%d%d%d%d%d%d', number, 1)
  if found == 0 then name = string.sub(KEYS[1], 1, -8) .. number end
  redis.call('RESTORE', name, 3600000, value, 'REPLACE')
end`;

/** So many at a time: a script holds up everybody else. */
const STEP = 20_000;

/** Adds the keys from number `from` until there are `to` of them. There is at least one. */
export async function addKeys({ host, port }: RedisServer, from: number, to: number): Promise<void> {
  const redis = new Redis({ host, port });
  const [first] = await redis.keys(`*${numbered(0)}*`);
  const key = first ?? (await redis.randomkey());
  if (key === null) throw new Error('There is no key to copy');
  for (let n = from; n < to; n += STEP) await redis.eval(COPY, 1, key, n, Math.min(n + STEP, to));
  redis.disconnect();
}
