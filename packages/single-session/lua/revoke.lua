-- revoke: ends sessions of a user: one, all others, or all
-- KEYS[1]  userKey — hash, as admit keeps it
-- ARGV[1]  channel — string, where ends are published
-- ARGV[2]  which — string, own: this hash; one: hashes that begin so; others: all but this hash, if it lives; all: every one, and every
--          login up to now
-- ARGV[3]  hash — string, of the session, or its beginning
-- ARGV[4]  reason — string, revoked or logged_out
-- ARGV[5]  absoluteMs — integer, ms after which every session ends
-- ARGV[6]  idleMs — integer, ms without use that end a session
-- returns  {'ended', hashes}
-- cost     1 HGETALL; when any ends 1 HSET, 1 PEXPIRE, and an HDEL and a PUBLISH for each
-- keeps    what is not there stays as it is; sent again it changes nothing
local userKey = KEYS[1]
local channel, which, hash, reason = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local absoluteMs, idleMs = tonumber(ARGV[5]), tonumber(ARGV[6])

local user = loadUser(userKey)
local ended = {}
local own = user.sessions[hash]
local isLive = own and own[1] > user.epoch and not lapse({ own[1], own[2], own[3] }, idleMs, absoluteMs)
if which == 'others' and not isLive then
  return { 'ended', ended } -- who has no session any more ends nobody's
end
for one in pairs(user.sessions) do
  local isNamed = string.sub(one, 1, #hash) == hash
  if which == 'all' or isNamed == (which ~= 'others') then
    endSession(user, one, reason, nil, channel)
    table.insert(ended, one)
  end
end
if which == 'all' then
  user.epoch = math.max(user.gen, now)
  user.gen = user.epoch
end
-- A login that a failover has lost leaves its end behind all the same, or its token would be believed again.
local isLost = which == 'own' and #ended == 0 and user.exists and not tombstoneOf(user, hash)
if isLost then
  bury(user, hash, reason, { '', 0 }, '')
end
if which == 'all' or #ended > 0 or isLost then
  saveUser(userKey, user, absoluteMs)
end
return { 'ended', ended }
