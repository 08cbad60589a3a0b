-- heartbeat: prolongs the lease of a run
-- KEYS[1]  recordKey — string, the record of one identity
-- ARGV[1]  notAfterUs — integer, µs of the server's time: after it nothing is prolonged
-- ARGV[2]  owner — string, of the run
-- ARGV[3]  fence — integer, of the run; 0 when its claim was never answered
-- ARGV[4]  bornUs — integer, µs, of the run's record
-- ARGV[5]  print — string, the fingerprint of the payload
-- ARGV[6]  leaseMs — integer, ms
-- ARGV[7]  ttlMs — integer, ms
-- returns  {'late', nowUs}
-- returns  {'held'}
-- returns  {'lost'} it has a successor, or is over
-- cost     1 GET, 1 SET
-- keeps    a lease never reaches further than leaseMs from now; a record that the server lost is there again
local recordKey = KEYS[1]
local notAfterUs, owner, fence = tonumber(ARGV[1]), ARGV[2], tonumber(ARGV[3])
local bornUs, print, leaseMs, ttlMs = tonumber(ARGV[4]), ARGV[5], tonumber(ARGV[6]), tonumber(ARGV[7])

if now > notAfterUs then
  return { 'late', now }
end
local record = loadRecord(recordKey)
if record and not (isRunOf(record, owner, fence) and (record.state == 'running' or record.isLapsed)) then
  return { 'lost' }
end

-- Also where the server has lost the record: the run goes on all the same.
record = record or runOf(owner, fence == 0 and bornUs or fence, bornUs, print, leaseMs)
record.state, record.leaseUntilUs = 'running', now + leaseMs * 1000
saveRecord(recordKey, record, leaseMs + ttlMs)
return { 'held' }
