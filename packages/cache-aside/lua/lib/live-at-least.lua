-- liveAtLeast: a TTL of leastMs or longer; one that was lost comes back with it
local function liveAtLeast(key, leastMs)
  if redis.call('PTTL', key) < leastMs then
    redis.call('PEXPIRE', key, leastMs)
  end
end
