import { type Script, defineScript } from '../src/script.ts';

/** What the store's tests run: a grant that can be counted, and a plain script. */
export const count: Script<string, number> = defineScript({
  lua: `local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
if now > tonumber(ARGV[1]) then
  return { 'late', now }
end
local count = redis.call('INCR', KEYS[1])
redis.call('PEXPIRE', KEYS[1], 60000)
return { 'count', count }`,
  grants: true,
  encode: (key) => ({ keys: [key], argv: [] }),
  decode: (reply) => (reply as [string, number])[1],
});

export const read: Script<string, number> = defineScript({
  lua: "return { 'count', tonumber(redis.call('GET', KEYS[1]) or 0) }",
  encode: (key) => ({ keys: [key], argv: [] }),
  decode: (reply) => (reply as [string, number])[1],
});
