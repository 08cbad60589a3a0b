-- loadUser: the sessions of one user, the reasons why others ended, and the generations of logins
--   sessions    by the SHA-256 of their sid: {gen, startedMs, seenMs, device}
--   tombstones  newest first, at most 16: {hash's beginning, reason, atMs, device and gen that took its place, own device}
--   gen         of the last login
--   epoch       logins up to this generation are over, whatever else is known of them
--   ended       sessions that were taken out since they were loaded: by hash, {channel, message} to tell of it
-- exists is false for a user of whom nothing is known: never logged in, or lost.
local function loadUser(userKey)
  local user = { exists = false, sessions = {}, ended = {}, tombstones = {}, gen = 0, epoch = 0 }
  local fields = redis.call('HGETALL', userKey)
  for i = 1, #fields, 2 do
    local name, value = fields[i], fields[i + 1]
    user.exists = true
    if name == 'user' then
      user.gen, user.epoch, user.tombstones = unpack(cmsgpack.unpack(value))
    else
      user.sessions[name] = cmsgpack.unpack(value)
    end
  end
  return user
end
