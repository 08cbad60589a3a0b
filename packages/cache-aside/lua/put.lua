-- put: stores a value without a lease: of a page, which is invalidated by marks alone, its stamp says whether it stands
-- KEYS[1]  entryKey — string, as entryHead reads it
-- ARGV[1]  channel — string, where those who wait for it are told
-- ARGV[2]  freshMs — integer, ms from now for which the value is fresh
-- ARGV[3]  lifeMs — integer, ms from now after which it is gone
-- ARGV[4]  kind — string, J, B, j or b
-- ARGV[5]  meta — string, as entryMeta reads it: its stamp is the clock from before the value was loaded
-- ARGV[6]  payload — string
-- returns  {'put'}
-- returns  {'newer'} what is there was loaded later
-- cost     2 GETRANGE, 1 SET, 1 PUBLISH
-- keeps    a value never gets one in its place that was loaded before an invalidation it has outlived; the key has a TTL
local entryKey = KEYS[1]
local channel = ARGV[1]
local freshMs, lifeMs = tonumber(ARGV[2]), tonumber(ARGV[3])
local kind, meta, payload = ARGV[4], ARGV[5], ARGV[6]

local held = entryMeta(entryKey)
local isSameClock = held ~= nil and held.incarnation == string.sub(meta, 1, 6)
if isSameClock and held.stampUs > struct.unpack('>d', meta, 7) then
  repairTtl(entryKey, lifeMs)
  return { 'newer' }
end
saveEntry(entryKey, nobody(), kind, freshMs, meta, payload, lifeMs)
redis.call('PUBLISH', channel, '')
return { 'put' }
