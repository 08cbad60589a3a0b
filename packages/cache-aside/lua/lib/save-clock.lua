-- saveClock: keeps a clock and its marks for ttlMs or longer, and returns it as text
local function saveClock(clockKey, marksKey, madeKey, clock, ttlMs)
  local text = clockText(clock)
  local longestMs = math.max(ttlMs, redis.call('PTTL', clockKey))
  redis.call('SET', clockKey, text, 'PX', longestMs)
  redis.call('PEXPIRE', marksKey, longestMs)
  redis.call('PEXPIRE', madeKey, longestMs)
  return text
end
