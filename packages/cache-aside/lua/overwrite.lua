-- overwrite: sets what a write brought over a value with a lower version, and forgets what cannot be compared
-- KEYS[1]  entryKey — string, as entryHead reads it
-- ARGV[1]  version — integer, of the new value
-- ARGV[2]  channel — string, where those who wait for it are told
-- ARGV[3]  freshMs — integer, ms from now for which the value is fresh
-- ARGV[4]  lifeMs — integer, ms from now after which it is gone
-- ARGV[5]  kind — string, J, B, j or b
-- ARGV[6]  payload — string
-- returns  {'overwritten'}
-- returns  {'newer'} what is there has this version or a higher one
-- returns  {'forgotten'} there was no value, or one without a version
-- cost     2 GETRANGE, 1 SET or DEL, 1 PUBLISH
-- keeps    a value never gets an older one in its place; its stamp and tags stay; no load that began before this is stored
local entryKey = KEYS[1]
local version, channel = tonumber(ARGV[1]), ARGV[2]
local freshMs, lifeMs = tonumber(ARGV[3]), tonumber(ARGV[4])
local kind, payload = ARGV[5], ARGV[6]

local held = entryMeta(entryKey)
local heldVersion, tags = string.match(held ~= nil and held.words or '', '^#(%d+)(.*)$')
local isComparable = heldVersion ~= nil and held.holdsValue

if isComparable and tonumber(heldVersion) >= version then
  repairTtl(entryKey, lifeMs)
  return { 'newer' }
end
if isComparable then
  local meta = held.origin .. '#' .. string.format('%.0f', version) .. tags
  saveEntry(entryKey, nobody(), kind, freshMs, meta, payload, lifeMs)
  redis.call('PUBLISH', channel, '')
  return { 'overwritten' }
end
redis.call('DEL', entryKey)
redis.call('PUBLISH', channel, '')
return { 'forgotten' }
