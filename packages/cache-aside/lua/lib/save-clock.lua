-- saveClock: keeps a clock and its marks for ttlMs or longer, and returns it as text
local function saveClock(clockKey, marksKey, clock, ttlMs)
  local text = string.format('%s %.0f %.0f %.0f', clock.incarnation, clock.tick, clock.floor, clock.ahead)
  local longestMs = math.max(ttlMs, redis.call('PTTL', clockKey))
  redis.call('SET', clockKey, text, 'PX', longestMs)
  redis.call('PEXPIRE', marksKey, longestMs)
  return text
end
