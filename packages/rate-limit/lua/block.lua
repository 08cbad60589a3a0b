-- block: refuses a subject for a while, whatever its policies say
-- KEYS[1]  stateKey — string, as take keeps it
-- ARGV[1]  durationMs — integer, ms from now
-- ARGV[2]  policiesJson — string, as in take
-- returns  {'blocked', durationMs}
-- cost     1 GET, 1 SET
-- keeps    a block that is there is replaced; what is charged stays charged
local stateKey = KEYS[1]
local durationMs = tonumber(ARGV[1])
local policiesJson = ARGV[2]

local subject, policies = loadSubject(stateKey), cjson.decode(policiesJson)
local untilMs = math.floor(now / 1000) + durationMs
subject.block[3], subject.block[4], subject.block[5] = untilMs, math.max(subject.block[4], untilMs), durationMs
saveSubject(stateKey, subject, longestResetMs(quote(subject.states, policies, 1)))
return { 'blocked', durationMs }
