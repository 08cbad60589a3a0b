-- peek: what take would say, without taking
-- KEYS[1]  stateKey — string, as take keeps it
-- ARGV[1]  cost — integer, at least 1
-- ARGV[2]  algorithm — string, fixed-window or sliding-window
-- ARGV[3]  limit — integer, at least 1
-- ARGV[4]  windowMs — integer, ms
-- returns  {'allow', used, resetMs}
-- returns  {'deny', used, resetMs, waitMs} waitMs -1: never, the cost is above the limit
-- cost     1 GET
-- keeps    nothing is written
local stateKey = KEYS[1]
local cost, algorithm, limit, windowMs = tonumber(ARGV[1]), ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])

local said = quote(redis.call('GET', stateKey), algorithm, limit, windowMs, cost)
if said.waitMs ~= 0 then
  return { 'deny', said.used, said.resetMs, said.waitMs }
end
return { 'allow', said.used, said.resetMs }
