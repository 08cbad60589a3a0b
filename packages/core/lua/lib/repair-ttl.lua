-- repairTtl: gives a key that lost its expiry one again, so that nothing of ours stays for ever
local function repairTtl(key, ttlMs)
  if redis.call('PTTL', key) == -1 then
    redis.call('PEXPIRE', key, ttlMs)
  end
end
