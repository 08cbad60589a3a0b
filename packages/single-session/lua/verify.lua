-- verify: whether a session lives, and notes that it was used
-- KEYS[1]  userKey — hash, as admit keeps it
-- ARGV[1]  hash — string, SHA-256 of the sid
-- ARGV[2]  gen — integer, generation of the token
-- ARGV[3]  idleMs — integer, ms without use that end a session
-- ARGV[4]  absoluteMs — integer, ms after which every session ends
-- ARGV[5]  touchEveryMs — integer, ms: a use is noted no more often
-- ARGV[6]  healMs — integer, ms within which a token is believed whose login this server has lost
-- returns  {'live', gen, startedMs, seenMs, device}
-- returns  {'ended', reason, atMs, device} device: of the login that took its place
-- returns  {'lost'} this server may have lost its login: admit decides
-- cost     1 HMGET; at most every touchEveryMs 1 HSET
-- keeps    a session that is not there never comes to be; the key's TTL stays, or is repaired
local userKey = KEYS[1]
local hash, gen = ARGV[1], tonumber(ARGV[2])
local idleMs, absoluteMs = tonumber(ARGV[3]), tonumber(ARGV[4])
local touchEveryMs, healMs = tonumber(ARGV[5]), tonumber(ARGV[6])

local user = loadUserWith(userKey, hash)
local session = user.sessions[hash]
repairTtl(userKey, absoluteMs)

if session and session[1] > user.epoch then
  local reason = lapse(session, idleMs, absoluteMs)
  if reason then
    return { 'ended', reason, 0, '' }
  end
  local nowMs = math.floor(now / 1000)
  if nowMs - session[3] >= touchEveryMs then
    session[3] = nowMs
    redis.call('HSET', userKey, hash, cmsgpack.pack(session))
  end
  return { 'live', session[1], session[2], session[3], session[4] }
end

local reason = disbelief(user, hash, gen, healMs)
if not reason then
  return { 'lost' }
end
local tombstone = tombstoneOf(user, hash)
if tombstone then
  return { 'ended', tombstone[2], tombstone[3], tombstone[4] }
end
return { 'ended', reason, 0, '' }
