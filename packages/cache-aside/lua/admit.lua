-- admit: counts a variant of a page among those that are kept; beyond the most, the one stored longest ago has to go
-- KEYS[1]  variantsKey — sorted set: variants in the order in which they were stored last, in ms or later
-- ARGV[1]  variant — string
-- ARGV[2]  ttlMs — integer, ms: as long as the variant lives
-- ARGV[3]  maxVariants — integer
-- returns  {'admitted', dropped} dropped: variants whose entries are to be forgotten
-- cost     1 ZRANGE, 1 ZADD, 1 ZCARD, 1 PTTL; beyond the most 1 ZPOPMIN: O(log variants)
-- keeps    no more than maxVariants members, and this one among them; the key has a TTL; sent again it changes nothing that matters
local variantsKey = KEYS[1]
local variant, ttlMs, maxVariants = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])

local latest = tonumber(redis.call('ZRANGE', variantsKey, -1, -1, 'WITHSCORES')[2]) or 0
redis.call('ZADD', variantsKey, string.format('%.0f', math.max(math.floor(now / 1000), latest + 1)), variant)
liveAtLeast(variantsKey, ttlMs)
local dropped = {}
local surplus = redis.call('ZCARD', variantsKey) - maxVariants
if surplus > 0 then
  local popped = redis.call('ZPOPMIN', variantsKey, surplus)
  for i = 1, #popped, 2 do
    dropped[#dropped + 1] = popped[i]
  end
end
return { 'admitted', dropped }
