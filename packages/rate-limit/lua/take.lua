-- take: admits one request if every policy has room for its cost, and charges all of them, or none
-- KEYS[1]  stateKey — string, cmsgpack as loadSubject reads it
-- ARGV[1]  notAfterUs — integer, µs of the server's time: after it nothing is charged
-- ARGV[2]  id — string, made by the caller: a command that a client sends again is charged once
-- ARGV[3]  cost — integer, at least 1
-- ARGV[4]  policiesJson — string, JSON: of each policy {algorithm, limit, windowMs, burst, settles: whether a charge may be}
-- ARGV[5]  blockJson — string, JSON: {afterDenials: so many in a row block the subject; durationMs: of the first block, each
--          further one is twice as long; maxMs: of the longest, and how long after one it is remembered}; '': no block
-- returns  {'late', nowUs}
-- returns  {'allow', quotas}
-- returns  {'deny', waitMs, quotas} waitMs -1: never, the cost is above a limit
-- returns  {'block', waitMs, quotas}
-- cost     1 GET; when it admits, or a denial counts towards a block, 1 SET; O(1) in the limits, O(policies)
-- keeps    what is charged never exceeds a policy; a denial charges nothing; the key has a TTL
local stateKey = KEYS[1]
local notAfterUs, id, cost = tonumber(ARGV[1]), ARGV[2], tonumber(ARGV[3])
local policiesJson, blockJson = ARGV[4], ARGV[5]

if now > notAfterUs then
  return { 'late', now }
end

local subject, policies = loadSubject(stateKey), cjson.decode(policiesJson)
local quotes, waitMs = quote(subject.states, policies, cost)

if chargedBefore(subject, id) then
  return { 'allow', quotas(quotes) }
end

local isStrike = waitMs > 0 and blockJson ~= '' and not blockWait(subject.block, 0)
if isStrike then
  strike(subject.block, cjson.decode(blockJson))
end

if blockWait(subject.block, waitMs) then
  keepDenial(stateKey, subject, quotes, isStrike)
  return { 'block', blockWait(subject.block, waitMs), quotas(quotes) }
end

if waitMs ~= 0 then
  keepDenial(stateKey, subject, quotes, isStrike)
  return { 'deny', waitMs, quotas(quotes) }
end

local ttlMs = charge(subject, policies, quotes, id, cost, notAfterUs)
subject.block[1] = 0
saveSubject(stateKey, subject, ttlMs)
return { 'allow', quotas(quotes) }
