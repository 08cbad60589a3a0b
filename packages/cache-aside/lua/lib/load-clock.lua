-- loadClock: the logical clock of a cache, '<incarnation> <tick> <floor> <floorMade> <ahead>', or a new one when it or its marks
-- were lost
--   incarnation  random: stamps of another mean nothing
--   tick         the last instant it gave, at least the server's time then, in µs
--   floor        what is stamped below it is absent: the highest mark that is not kept any more
--   floorMade    the tick at which it was raised, or one made that is below it while it is dated ahead
--   ahead        the highest mark that was dated ahead of the clock
local function loadClock(clockKey, marksKey, madeKey, incarnation)
  local text = redis.call('GET', clockKey) or ''
  local held, tick, floor, floorMade, ahead = string.match(text, '^(%S+) (%d+) (%d+) (%d+) (%d+)$')
  if held == nil or redis.call('EXISTS', marksKey) == 0 then
    return newClock(marksKey, madeKey, incarnation)
  end
  return {
    incarnation = held,
    tick = tonumber(tick),
    floor = tonumber(floor),
    floorMade = tonumber(floorMade),
    ahead = tonumber(ahead),
  }
end
