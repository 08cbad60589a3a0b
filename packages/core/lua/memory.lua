-- memory: what the server says of its memory, its eviction policy among it
-- KEYS[1]  route — unread: a key of the caller's, so that a cluster sends this to the node in question
-- returns  {'memory', info}
-- cost     1 INFO memory
-- keeps    no key is touched
return { 'memory', redis.call('INFO', 'memory') }
