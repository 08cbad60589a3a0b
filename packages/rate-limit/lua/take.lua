-- take: admits one request if every policy has room for its cost, and charges all of them, or none
-- KEYS[1]  stateKey — string, cmsgpack as loadSubject reads it
-- ARGV[1]  notAfterUs — integer, µs of the server's time: after it nothing is charged
-- ARGV[2]  id — string, made by the caller: a command that a client sends again is charged once
-- ARGV[3]  cost — integer, at least 1
-- ARGV[4]  afterDenials — integer, so many denials in a row block the subject; 0: no block
-- ARGV[5]  durationMs — integer, ms: the first block's length; each further one is twice as long
-- ARGV[6]  maxMs — integer, ms: the longest block, and how long after one it is remembered
-- ARGV[7..] policies — algorithm, limit, windowMs, burst, and 1 where a charge may be settled; five each
-- returns  {'late', nowUs}
-- returns  {'allow', quotas}
-- returns  {'deny', waitMs, quotas} waitMs -1: never, the cost is above a limit
-- returns  {'block', waitMs, quotas}
-- cost     1 GET; when it admits, or a denial counts towards a block, 1 SET; O(1) in the limits, O(policies)
-- keeps    what is charged never exceeds a policy; a denial charges nothing; the key has a TTL
local stateKey = KEYS[1]
local notAfterUs, id, cost = tonumber(ARGV[1]), ARGV[2], tonumber(ARGV[3])
local afterDenials, durationMs, maxMs = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local policies = policiesFrom(7)

if now > notAfterUs then
  return { 'late', now }
end

local subject = loadSubject(stateKey)
local quotes, waitMs = quote(subject.states, policies, cost)

if chargedBefore(subject, id) then
  return { 'allow', quotas(quotes) }
end

local isStrike = waitMs > 0 and afterDenials > 0 and not blockWait(subject.block, 0)
if isStrike then
  strike(subject.block, afterDenials, durationMs, maxMs)
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
