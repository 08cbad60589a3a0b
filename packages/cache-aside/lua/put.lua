-- put: stores a value without a lease: of a page, which is invalidated by marks alone, its stamp says whether it stands
-- KEYS[1]  entryKey — string, as entryHead reads it
-- ARGV[1]  channel — string, where those who wait for it are told
-- ARGV[2]  freshMs — integer, ms from now for which the value is fresh
-- ARGV[3]  lifeMs — integer, ms from now after which it is gone
-- ARGV[4]  kind — string, J, B, j or b
-- ARGV[5]  meta — string
-- ARGV[6]  payload — string
-- ARGV[7]  stampUs — integer, of meta: the clock from before the value was loaded
-- returns  {'put'}
-- returns  {'newer'} what is there was loaded later
-- cost     2 GETRANGE, 1 SET, 1 PUBLISH
-- keeps    a value never gets one in its place that was loaded before an invalidation it has outlived; the key has a TTL
local entryKey = KEYS[1]
local channel = ARGV[1]
local freshMs, lifeMs = tonumber(ARGV[2]), tonumber(ARGV[3])
local kind, meta, payload, stampUs = ARGV[4], ARGV[5], ARGV[6], tonumber(ARGV[7])

local head = entryHead(entryKey)
local heldMeta = redis.call('GETRANGE', entryKey, 46, 45 + head.metaLength)
local heldUs = tonumber(string.match(heldMeta, '^%S+ (%d+) ')) or 0
local isSameClock = string.match(heldMeta, '^%S+') == string.match(meta, '^%S+')
if isSameClock and heldUs > stampUs then
  repairTtl(entryKey, lifeMs)
  return { 'newer' }
end
saveEntry(entryKey, nobody(), kind, freshMs, meta, payload, lifeMs)
redis.call('PUBLISH', channel, '')
return { 'put' }
