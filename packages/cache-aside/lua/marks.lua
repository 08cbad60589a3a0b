-- marks: the clock, and the marks made since the caller last asked
-- KEYS[1]  clockKey — string, as loadClock reads it
-- KEYS[2]  marksKey — sorted set, as mark keeps it
-- KEYS[3]  madeKey — sorted set, as mark keeps it
-- ARGV[1]  incarnation — string, random: of the clock, should there be none
-- ARGV[2]  ttlMs — integer, ms: twice the longest life of an entry
-- ARGV[3]  knownIncarnation — string, of the clock that the caller knows; empty: none
-- ARGV[4]  knownUs — integer, the tick up to which it knows all marks
-- ARGV[5]  latestIncarnation — string, of the clock that it saw last, perhaps without its marks; empty: none
-- ARGV[6]  latestUs — integer, its tick
-- returns  {'marks', clock, marks, made} clock: as text; marks: tag, mark, tag, mark, …; made: tag, tick, tag, tick, …
-- cost     2 GET, 1 PTTL, 2 ZRANGEBYSCORE: O(log marks + those made since); once in a tenth of ttlMs 1 SET
-- keeps    a clock that went back, because the server lost what came after, is a new one: what it forgot cannot be told
local clockKey, marksKey, madeKey = KEYS[1], KEYS[2], KEYS[3]
local incarnation, ttlMs, knownIncarnation, knownUs = ARGV[1], tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[4])
local latestIncarnation, latestUs = ARGV[5], tonumber(ARGV[6])

local clock = loadClock(clockKey, marksKey, madeKey, incarnation)
if clock.incarnation == latestIncarnation and clock.tick < latestUs then
  clock = newClock(marksKey, madeKey, incarnation)
end
local isKnown = clock.incarnation == knownIncarnation
local text = clockText(clock)
-- Who hears of every change of the clock asks here what it was: it must not be changed by asking.
if redis.call('GET', clockKey) ~= text or redis.call('PTTL', clockKey) < ttlMs * 0.9 then
  saveClock(clockKey, marksKey, madeKey, clock, ttlMs)
end
local since = isKnown and string.format('(%.0f', knownUs) or '(0'
local marks = redis.call('ZRANGEBYSCORE', marksKey, since, '+inf', 'WITHSCORES')
return { 'marks', text, marks, redis.call('ZRANGEBYSCORE', madeKey, since, '+inf', 'WITHSCORES') }
