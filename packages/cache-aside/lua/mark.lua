-- mark: invalidates all that carries a tag, or everything, by a mark on the clock
-- KEYS[1]  clockKey — string, as loadClock reads it
-- KEYS[2]  marksKey — sorted set: tags by the mark below which what carries them is absent
-- ARGV[1]  incarnation — string, random: of the clock, should there be none
-- ARGV[2]  ttlMs — integer, ms: twice the longest life of an entry
-- ARGV[3]  aheadMs — integer, ms by which the mark is dated ahead
-- ARGV[4]  everything — integer, 1: whatever its tags
-- ARGV[5]  maxMarks — integer, beyond it the lowest marks become the floor
-- ARGV[6..] tags — any number; none: the clock goes on
-- returns  {'marked', clock} clock: as text
-- cost     1 GET, 1 SET, and a ZSCORE and a ZADD for each tag; O(log marks), whatever the number of entries
-- keeps    a mark is never lowered; the clock never goes back; the keys have a TTL
local clockKey, marksKey = KEYS[1], KEYS[2]
local incarnation, ttlMs, aheadMs = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local everything, maxMarks = tonumber(ARGV[4]), tonumber(ARGV[5])

local clock = loadClock(clockKey, marksKey, incarnation)
clock.tick = math.max(clock.tick + 1, now)
local mark = clock.tick + aheadMs * 1000
if aheadMs > 0 then
  clock.ahead = math.max(clock.ahead, mark)
end
if everything == 1 then
  clock.floor = math.max(clock.floor, mark)
end

for i = 6, #ARGV do
  if tonumber(redis.call('ZSCORE', marksKey, ARGV[i]) or 0) < mark then
    redis.call('ZADD', marksKey, string.format('%.0f', mark), ARGV[i])
  end
end
local surplus = redis.call('ZCARD', marksKey) - 1 - maxMarks
if surplus > 0 then
  clock.floor = math.max(clock.floor, tonumber(redis.call('ZRANGE', marksKey, surplus, surplus, 'WITHSCORES')[2]))
end
redis.call('ZREMRANGEBYSCORE', marksKey, '(0', string.format('%.0f', clock.floor))
return { 'marked', saveClock(clockKey, marksKey, clock, ttlMs) }
