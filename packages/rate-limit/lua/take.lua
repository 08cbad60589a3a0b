-- take: admits one request if its policy has room for the cost, and charges it
-- KEYS[1]  stateKey — string, cmsgpack of {initial of the algorithm, its state, {ids of the last charges}}
-- ARGV[1]  notAfterUs — integer, µs of the server's time: after it nothing is charged
-- ARGV[2]  id — string, made by the caller: a command that a client sends again is charged once
-- ARGV[3]  cost — integer, at least 1
-- ARGV[4]  algorithm — string, fixed-window or sliding-window
-- ARGV[5]  limit — integer, at least 1
-- ARGV[6]  windowMs — integer, ms
-- returns  {'late', nowUs}
-- returns  {'allow', used, resetMs}
-- returns  {'deny', used, resetMs, waitMs} waitMs -1: never, the cost is above the limit
-- cost     1 GET; when it admits 1 SET; O(1) in the limit
-- keeps    what is charged within the window never exceeds limit; a denial charges nothing; the key has a TTL
local stateKey = KEYS[1]
local notAfterUs, id, cost = tonumber(ARGV[1]), ARGV[2], tonumber(ARGV[3])
local algorithm, limit, windowMs = ARGV[4], tonumber(ARGV[5]), tonumber(ARGV[6])

if now > notAfterUs then
  return { 'late', now }
end

local said, ids = quote(redis.call('GET', stateKey), algorithm, limit, windowMs, cost)

for _, charged in ipairs(ids) do
  if charged == id then
    return { 'allow', said.used, said.resetMs }
  end
end

local function keep(state, ttlMs)
  redis.call('SET', stateKey, cmsgpack.pack({ string.sub(algorithm, 1, 1), state, ids }), 'PX', ttlMs)
end

if said.waitMs ~= 0 then
  if said.redated then
    keep(said.redated, said.resetMs)
  end
  repairTtl(stateKey, math.max(said.resetMs, 1))
  return { 'deny', said.used, said.resetMs, said.waitMs }
end

table.insert(ids, 1, id)
ids[9] = nil
keep(said.charged, said.chargedMs)
return { 'allow', said.used + cost, said.chargedMs }
