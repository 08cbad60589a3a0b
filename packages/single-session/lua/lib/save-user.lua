-- saveUser: keeps what loadUser loads, for ttlMs: as long as any token of this user can be shown
local function saveUser(userKey, user, ttlMs)
  for hash in pairs(user.ended) do
    redis.call('HDEL', userKey, hash)
  end
  redis.call('HSET', userKey, 'user', cmsgpack.pack({ user.gen, user.epoch, user.tombstones }))
  redis.call('PEXPIRE', userKey, ttlMs)
end
