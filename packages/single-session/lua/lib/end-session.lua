-- endSession: takes a session out of its user, and says why for those who come with its token; saveUser tells who listens
-- by: {device, gen} of the login that took its place, or nil
local function endSession(user, hash, reason, by, channel)
  by = by or { '', 0 }
  bury(user, hash, reason, by, user.sessions[hash][4])
  user.sessions[hash] = nil
  local atMs = math.floor(now / 1000)
  user.ended[hash] = { channel, cjson.encode({ hash = hash, reason = reason, atMs = atMs, by = by[1] }) }
end
