-- admit: begins a session, and ends those that have to make room for it
-- KEYS[1]  userKey — hash of one user: a field for each session, by the SHA-256 of its sid, and one for the rest
-- ARGV[1]  notAfterUs — integer, µs of the server's time: after it nobody is admitted
-- ARGV[2]  channel — string, where ends are published
-- ARGV[3]  hash — string, SHA-256 of the sid; a command that a client sends again admits once
-- ARGV[4]  device — string, a label
-- ARGV[5]  limit — integer, sessions at once, at least 1
-- ARGV[6]  policy — string, replace or reject
-- ARGV[7]  idleMs — integer, ms without use that end a session
-- ARGV[8]  absoluteMs — integer, ms after which every session ends
-- ARGV[9]  seatIdleMs — integer, ms without use after which a session makes room even under reject; 0: never
-- ARGV[10]  healGen — integer, generation of a token whose login this server has lost; 0: a login
-- ARGV[11]  healMs — integer, ms within which such a token is believed
-- returns  {'late', nowUs}
-- returns  {'admitted', gen, startedMs, replaced} replaced: {{hash's beginning, device}, …}
-- returns  {'present', gen, startedMs, replaced} it was admitted before
-- returns  {'rejected', sessions} sessions: {{hash, gen, startedMs, seenMs, device}, …}
-- returns  {'refused', reason} a token that is not believed
-- cost     1 HGETALL, and to admit 2 HSET, 1 PEXPIRE, and an HDEL and a PUBLISH for each that ends
-- keeps    never more than limit sessions live; who is displaced is told why; the key has a TTL
local userKey = KEYS[1]
local notAfterUs, channel, hash, device = tonumber(ARGV[1]), ARGV[2], ARGV[3], ARGV[4]
local limit, policy = tonumber(ARGV[5]), ARGV[6]
local idleMs, absoluteMs, seatIdleMs = tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[9])
local healGen, healMs = tonumber(ARGV[10]), tonumber(ARGV[11])

local user = loadUser(userKey)
local nowMs = math.floor(now / 1000)

-- Before the time is looked at: who hears of it too late, because the first reply was lost, has to give it back.
if user.sessions[hash] then
  return { 'present', user.sessions[hash][1], user.sessions[hash][2], replacedBy(user, user.sessions[hash][1]) }
end
if now > notAfterUs then
  return { 'late', now }
end

if healGen > 0 then
  local reason = disbelief(user, hash, healGen, healMs)
  if reason then
    return { 'refused', reason }
  end
end

for ended, session in pairs(user.sessions) do
  local reason = lapse(session, idleMs, absoluteMs)
  if reason then
    endSession(user, ended, reason, nil, channel)
  end
end

local live = leastUsedFirst(user.sessions)
local surplus = #live - limit + 1
for i = 1, surplus do
  local isFree = policy == 'replace' or (seatIdleMs > 0 and nowMs - live[i][4] >= seatIdleMs)
  if not isFree then
    saveUser(userKey, user, absoluteMs)
    return { 'rejected', live }
  end
end

local gen = healGen > 0 and healGen or math.max(user.gen + 1, now)
for i = 1, surplus do
  endSession(user, live[i][1], 'replaced', { device, gen }, channel)
end
user.gen = gen
local startedMs = healGen > 0 and math.floor(healGen / 1000) or nowMs
redis.call('HSET', userKey, hash, cmsgpack.pack({ gen, startedMs, nowMs, device }))
saveUser(userKey, user, absoluteMs)
return { 'admitted', gen, startedMs, replacedBy(user, gen) }
