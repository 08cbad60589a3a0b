-- saveUser: keeps what loadUser loads, for ttlMs: as long as any token of this user can be shown
local function saveUser(userKey, user, ttlMs)
  for hash in pairs(user.ended) do
    redis.call('HDEL', userKey, hash)
  end
  redis.call('HSET', userKey, 'user', cmsgpack.pack({ user.gen, user.epoch, user.tombstones }))
  redis.call('PEXPIRE', userKey, ttlMs)
  -- After the writes: a script that fails at one of them (OOM) has told nobody of an end that did not come.
  for _, message in pairs(user.ended) do
    redis.call('PUBLISH', message[1], message[2])
  end
end
