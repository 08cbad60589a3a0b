-- fill: stores what a load brought, if nothing has happened since its lease
-- KEYS[1]  entryKey — string, as entryHead reads it
-- ARGV[1]  token — 9 bytes, of the lease
-- ARGV[2]  channel — string, where those who wait for it are told
-- ARGV[3]  freshMs — integer, ms from now for which the value is fresh
-- ARGV[4]  lifeMs — integer, ms from now after which it is gone
-- ARGV[5]  kind — string, J, B, j or b
-- ARGV[6]  meta — string
-- ARGV[7]  payload — string
-- returns  {'stored'}
-- returns  {'refused'} it was invalidated, filled, leased to another, or has expired since
-- cost     1 GETRANGE; to store 1 SET and 1 PUBLISH
-- keeps    no value is stored that was read before an invalidation; sent again it changes nothing
local entryKey = KEYS[1]
local token, channel = ARGV[1], ARGV[2]
local freshMs, lifeMs = tonumber(ARGV[3]), tonumber(ARGV[4])
local kind, meta, payload = ARGV[5], ARGV[6], ARGV[7]

if not holds(entryKey, token) then
  return { 'refused' }
end
saveEntry(entryKey, nobody(), kind, freshMs, meta, payload, lifeMs)
redis.call('PUBLISH', channel, token)
return { 'stored' }
