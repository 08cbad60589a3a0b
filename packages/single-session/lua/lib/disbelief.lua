-- disbelief: why a token whose session is not there is not taken back; nil when this server may have lost its login
-- After a failover the replica may lack the last login. Its token is believed while nothing is known against it: the user
-- is known, no end or epoch stands against it, it is younger than the last login known here, and younger than healMs.
local function disbelief(user, hash, gen, healMs)
  local tombstone = tombstoneOf(user, hash)
  if tombstone then
    return tombstone[2]
  end
  if gen <= user.epoch then
    return 'revoked'
  end
  if not user.exists then
    return 'unknown'
  end
  if gen <= user.gen then
    return 'replaced'
  end
  local ageMs = math.floor((now - gen) / 1000)
  if ageMs < 0 or ageMs >= healMs then
    return 'unknown'
  end
end
