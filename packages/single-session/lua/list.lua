-- list: the sessions of a user that live, the least used first
-- KEYS[1]  userKey — hash, as admit keeps it
-- ARGV[1]  idleMs — integer, ms without use that end a session
-- ARGV[2]  absoluteMs — integer, ms after which every session ends
-- returns  {'sessions', sessions} sessions: {{hash, gen, startedMs, seenMs, device}, …}
-- cost     1 HGETALL
-- keeps    nothing is written
local userKey = KEYS[1]
local idleMs, absoluteMs = tonumber(ARGV[1]), tonumber(ARGV[2])

local live = {}
local user = loadUser(userKey)
for _, session in ipairs(leastUsedFirst(user.sessions)) do
  if session[2] > user.epoch and not lapse({ session[2], session[3], session[4] }, idleMs, absoluteMs) then
    table.insert(live, session)
  end
end
return { 'sessions', live }
