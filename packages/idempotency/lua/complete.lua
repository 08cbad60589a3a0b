-- complete: keeps what came of a run: its answer, or that it is in doubt
-- KEYS[1]  recordKey — string, the record of one identity
-- ARGV[1]  owner — string, of the run
-- ARGV[2]  fence — integer, of the run; 0 when its claim was never answered
-- ARGV[3]  bornUs — integer, µs, of the run's record
-- ARGV[4]  print — string, the fingerprint of the payload
-- ARGV[5]  state — string, done or in-doubt
-- ARGV[6]  status — integer, of the answer; 0 when there is none
-- ARGV[7]  answer — string, what is replayed; empty when in doubt
-- ARGV[8]  ttlMs — integer, ms
-- returns  {'kept'}
-- returns  {'refused'} the run has a successor
-- cost     1 GET, 1 SET
-- keeps    a late owner overwrites no successor; what is done stays as it is
local recordKey = KEYS[1]
local owner, fence, bornUs, print = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]
local state, status, answer, ttlMs = ARGV[5], tonumber(ARGV[6]), ARGV[7], tonumber(ARGV[8])

local record = loadRecord(recordKey)
if record and not isRunOf(record, owner, fence) then
  return { 'refused' }
end
if record and record.state == 'done' then
  return { 'kept' }
end

-- Also where the server has lost the record: what came of the run is known all the same.
record = record or runOf(owner, fence == 0 and bornUs or fence, bornUs, print, 0)
record.state, record.status, record.answer = state, status, answer
saveRecord(recordKey, record, ttlMs)
return { 'kept' }
