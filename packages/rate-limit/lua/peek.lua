-- peek: what take would say, without taking
-- KEYS[1]  stateKey — string, as take keeps it
-- ARGV[1]  cost — integer, at least 1
-- ARGV[2]  policiesJson — string, as in take
-- returns  {'allow', quotas}
-- returns  {'deny', waitMs, quotas} waitMs -1: never, the cost is above a limit
-- returns  {'block', waitMs, quotas}
-- cost     1 GET
-- keeps    nothing is written
local stateKey = KEYS[1]
local cost = tonumber(ARGV[1])
local policiesJson = ARGV[2]

local subject, policies = loadSubject(stateKey), cjson.decode(policiesJson)
local quotes, waitMs = quote(subject.states, policies, cost)
if blockWait(subject.block, waitMs) then
  return { 'block', blockWait(subject.block, waitMs), quotas(quotes) }
end
if waitMs ~= 0 then
  return { 'deny', waitMs, quotas(quotes) }
end
return { 'allow', quotas(quotes) }
