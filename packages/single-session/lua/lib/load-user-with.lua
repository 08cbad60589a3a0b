-- loadUserWith: as loadUser, with one session only, however many there are
local function loadUserWith(userKey, hash)
  local rest, session = unpack(redis.call('HMGET', userKey, 'user', hash))
  local user = { exists = false, sessions = {}, ended = {}, tombstones = {}, gen = 0, epoch = 0 }
  if rest then
    user.exists = true
    user.gen, user.epoch, user.tombstones = unpack(cmsgpack.unpack(rest))
  end
  if session then
    user.sessions[hash] = cmsgpack.unpack(session)
  end
  return user
end
