-- lease: gives one caller the right to load a value and to store it, if the entry is still what the caller has seen
-- KEYS[1]  entryKey — string, as entryHead reads it
-- ARGV[1]  notAfterUs — integer, µs of the server's time: after it nothing is leased
-- ARGV[2]  token — 9 bytes, made by the caller: a command that a client sends again leases once
-- ARGV[3]  leaseMs — integer, ms: how long nobody else is given the right
-- ARGV[4]  seen — string, head and meta of the entry as the caller read it, empty where it found none
-- ARGV[5]  keeps — integer, 1: the value that is there may still be served, and stays
-- ARGV[6]  meta — string, of an entry without a value
-- returns  {'late', nowUs}
-- returns  {'leased'}
-- returns  {'changed', entry} entry: what is there now, empty: nothing
-- cost     1 GETRANGE; to lease 1 SET, or with a value that stays 1 SETRANGE and 1 PTTL
-- keeps    one token at a time; what came between the caller's look and this is never overwritten; the key has a TTL
local entryKey = KEYS[1]
local notAfterUs, token, leaseMs = tonumber(ARGV[1]), ARGV[2], tonumber(ARGV[3])
local seen, keeps, meta = ARGV[4], tonumber(ARGV[5]), ARGV[6]

if holds(entryKey, token) then
  return { 'leased' }
end
if now > notAfterUs then
  return { 'late', now }
end
if redis.call('GETRANGE', entryKey, 0, math.max(#seen, 27) - 1) ~= seen then
  repairTtl(entryKey, leaseMs)
  return { 'changed', redis.call('GET', entryKey) or '' }
end

if keeps == 1 then
  redis.call('SETRANGE', entryKey, 1, heldUntil('L', token, leaseMs))
  liveAtLeast(entryKey, leaseMs)
else
  saveEntry(entryKey, heldUntil('L', token, leaseMs), '-', 0, meta, '', leaseMs)
end
return { 'leased' }
