-- forget: invalidates one entry, and with it the lease of whoever is loading it
-- KEYS[1]  entryKey — string, as entryHead reads it
-- ARGV[1]  channel — string, where those who wait for it are told
-- returns  {'forgotten', existed}
-- cost     1 DEL, 1 PUBLISH: who keeps a copy hears it also when the entry was gone already
-- keeps    no load that began before this is stored; sent again it changes nothing that matters
local entryKey = KEYS[1]
local channel = ARGV[1]

local existed = redis.call('DEL', entryKey)
redis.call('PUBLISH', channel, '')
return { 'forgotten', existed }
