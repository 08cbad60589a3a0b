-- rotate: gives a refresh token its successor, and ends the session of one that comes back after that
-- KEYS[1]  userKey — hash, as admit keeps it; a session that is refreshed also holds n and rotatedMs: {…, n, rotatedMs}
-- ARGV[1]  notAfterUs — integer, µs of the server's time: after it nothing is rotated
-- ARGV[2]  channel — string, where ends are published
-- ARGV[3]  hash — string, SHA-256 of the sid
-- ARGV[4]  gen — integer, generation of the token
-- ARGV[5]  n — integer, which of its session's refresh tokens it is, from 0
-- ARGV[6]  graceMs — integer, ms within which the one before the current has the same successor again
-- ARGV[7]  idleMs — integer, ms without use that end a session
-- ARGV[8]  absoluteMs — integer, ms after which every session ends
-- ARGV[9]  healMs — integer, ms within which a token is believed whose login this server has lost
-- returns  {'late', nowUs}
-- returns  {'rotated', successor, restMs} successor: its n; restMs: until the session's absolute end
-- returns  {'reused'} it had been followed: the session is over now
-- returns  {'ended', reason, atMs, device} device: of the login that took its place
-- returns  {'lost'} this server may have lost its login: admit decides
-- cost     1 HMGET, 1 PTTL and to rotate 1 HSET; to end the session HDEL, HSET, PEXPIRE and PUBLISH
-- keeps    a token has one successor; a session that is not there never comes to be; the key's TTL stays, or is repaired
local userKey = KEYS[1]
local notAfterUs, channel, hash, gen = tonumber(ARGV[1]), ARGV[2], ARGV[3], tonumber(ARGV[4])
local n, graceMs = tonumber(ARGV[5]), tonumber(ARGV[6])
local idleMs, absoluteMs, healMs = tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[9])

if now > notAfterUs then
  return { 'late', now }
end

local user = loadUserWith(userKey, hash)
local session = user.sessions[hash]
repairTtl(userKey, absoluteMs)

if not session or session[1] <= user.epoch then
  local reason = disbelief(user, hash, gen, healMs)
  if not reason then
    return { 'lost' }
  end
  local tombstone = tombstoneOf(user, hash) or { hash, reason, 0, '' }
  return { 'ended', reason, tombstone[3], tombstone[4] }
end

local reason = lapse(session, idleMs, absoluteMs)
if reason then
  return { 'ended', reason, 0, '' }
end

local nowMs = math.floor(now / 1000)
local restMs = absoluteMs - (nowMs - session[2])
local current, rotatedMs = session[5] or 0, session[6] or 0

-- Ahead of the current: a failover has lost rotations. That the token was given is what its signature says.
if n >= current then
  redis.call('HSET', userKey, hash, cmsgpack.pack({ session[1], session[2], nowMs, session[4], n + 1, nowMs }))
  return { 'rotated', n + 1, restMs }
end
if n == current - 1 and nowMs - rotatedMs <= graceMs then
  return { 'rotated', current, restMs }
end
endSession(user, hash, 'refresh_reused', nil, channel)
saveUser(userKey, user, absoluteMs)
return { 'reused' }
