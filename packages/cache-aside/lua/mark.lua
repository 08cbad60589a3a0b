-- mark: invalidates all that carries a tag, or everything, by a mark on the clock
-- KEYS[1]  clockKey — string, as loadClock reads it
-- KEYS[2]  marksKey — sorted set: tags by the mark below which what carries them is absent
-- KEYS[3]  madeKey — sorted set: tags whose mark is dated ahead, by the tick at which it was made
-- ARGV[1]  incarnation — string, random: of the clock, should there be none
-- ARGV[2]  ttlMs — integer, ms: twice the longest life of an entry
-- ARGV[3]  aheadMs — integer, ms by which the mark is dated ahead
-- ARGV[4]  everything — integer, 1: whatever its tags
-- ARGV[5]  maxMarks — integer, beyond it the lowest marks become the floor
-- ARGV[6..] tags — any number; none: the clock goes on
-- returns  {'marked', clock} clock: as text
-- cost     1 GET, 1 SET, 1 PUBLISH, and a ZSCORE, a ZADD and a ZADD or ZREM for each tag; O(log marks), whatever the number of entries
-- keeps    each mark of a tag is above the one before; the clock never goes back; the keys have a TTL
local clockKey, marksKey, madeKey = KEYS[1], KEYS[2], KEYS[3]
local incarnation, ttlMs, aheadMs = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local everything, maxMarks = tonumber(ARGV[4]), tonumber(ARGV[5])

local clock = loadClock(clockKey, marksKey, madeKey, incarnation)
clock.tick = math.max(clock.tick + 1, now)
local mark = clock.tick + aheadMs * 1000
local tick, floorWas = string.format('%.0f', clock.tick), clock.floor
if aheadMs > 0 then
  clock.ahead = math.max(clock.ahead, mark)
end
if everything == 1 then
  clock.floor = math.max(clock.floor, mark)
end

for i = 6, #ARGV do
  -- Above the one before also where that is dated further ahead: who knows a mark knows that none was made since.
  local higher = math.max(mark, tonumber(redis.call('ZSCORE', marksKey, ARGV[i]) or 0) + 1)
  redis.call('ZADD', marksKey, string.format('%.0f', higher), ARGV[i])
  if higher > clock.tick then
    redis.call('ZADD', madeKey, tick, ARGV[i])
    clock.ahead = math.max(clock.ahead, higher)
  else
    redis.call('ZREM', madeKey, ARGV[i])
  end
end
local surplus = redis.call('ZCARD', marksKey) - 1 - maxMarks
if surplus > 0 then
  clock.floor = math.max(clock.floor, tonumber(redis.call('ZRANGE', marksKey, surplus, surplus, 'WITHSCORES')[2]))
end
redis.call('ZREMRANGEBYSCORE', marksKey, '(0', string.format('%.0f', clock.floor))
redis.call('ZREMRANGEBYRANK', madeKey, 0, -1 - maxMarks)
local isBelowFloor = clock.floor > clock.tick and (everything == 1 or #ARGV > 5)
if isBelowFloor or clock.floor > floorWas then
  clock.floorMade = clock.tick
end
local text = saveClock(clockKey, marksKey, madeKey, clock, ttlMs)
-- A client puts its prefix before keys by itself, so this is the name as the server knows it.
redis.call('PUBLISH', clockKey .. ':bell', '')
return { 'marked', text }
