-- clock: the server's time, asked the way a write is asked, so that whatever holds up writes holds this up too
-- KEYS[1]  route — unread: a key of the caller's, so that a cluster sends this to the node in question; may be absent
-- returns  {'clock', nowUs}
-- cost     1 TIME
-- keeps    no key is touched
return { 'clock', now }
