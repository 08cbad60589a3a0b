-- release: ends a lease without a value, and says why for a while
-- KEYS[1]  entryKey — string, as entryHead reads it
-- ARGV[1]  token — 9 bytes, of the lease
-- ARGV[2]  channel — string, where those who wait for it are told
-- ARGV[3]  state — string, F: the load has failed, and a late fill is still welcome; P: it brought nothing to store; -: it never began
-- ARGV[4]  pauseMs — integer, ms from now for which F and P are remembered
-- ARGV[5]  meta — string, of the error
-- ARGV[6]  failure — string, the error; empty where there is none
-- returns  {'released'}
-- returns  {'gone'}
-- cost     1 GETRANGE; to release 1 SET, SETRANGE or DEL, 1 PUBLISH
-- keeps    another's lease stays; so does a value that is there, unless the load has shown that there is none to store; the key has a TTL
local entryKey = KEYS[1]
local token, channel, state = ARGV[1], ARGV[2], ARGV[3]
local pauseMs, meta, failure = tonumber(ARGV[4]), ARGV[5], ARGV[6]

if not holds(entryKey, token) then
  return { 'gone' }
end
local held = state == '-' and nobody() or heldUntil(state, token, pauseMs)
if state ~= 'P' and entryHead(entryKey).holdsValue then
  redis.call('SETRANGE', entryKey, 1, held)
  liveAtLeast(entryKey, pauseMs)
elseif state == '-' then
  redis.call('DEL', entryKey)
else
  saveEntry(entryKey, held, failure == '' and '-' or 'E', 0, meta, failure, pauseMs)
end
redis.call('PUBLISH', channel, token)
return { 'released' }
