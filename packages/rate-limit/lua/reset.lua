-- reset: forgets what was charged to a subject
-- KEYS[1]  stateKey — string, as take keeps it
-- returns  {'reset', existed}
-- cost     1 DEL
-- keeps    a second reset changes nothing
local stateKey = KEYS[1]
return { 'reset', redis.call('DEL', stateKey) }
