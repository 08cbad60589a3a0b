-- endSession: takes a session out of its user, says why for those who come with its token, and tells who listens
-- by: {device, gen} of the login that took its place, or nil
local function endSession(user, hash, reason, by, channel)
  local nowMs = math.floor(now / 1000)
  local device = user.sessions[hash][4]
  user.sessions[hash] = nil
  user.ended[hash] = true
  local byDevice, byGen = unpack(by or { '', 0 })
  table.insert(user.tombstones, 1, { string.sub(hash, 1, 16), reason, nowMs, byDevice, byGen, device })
  user.tombstones[17] = nil
  redis.call('PUBLISH', channel, cjson.encode({ hash = hash, reason = reason, atMs = nowMs, by = byDevice }))
end
