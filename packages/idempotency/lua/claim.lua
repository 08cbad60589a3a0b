-- claim: takes an identity for one run, or tells what has become of it
-- KEYS[1]  recordKey — string, the record of one identity: who runs it, under which lease, and what came of it
-- ARGV[1]  notAfterUs — integer, µs of the server's time: after it nobody is given a run
-- ARGV[2]  owner — string, made for this claim; a command that a client sends again claims once
-- ARGV[3]  print — string, the fingerprint of the payload
-- ARGV[4]  leaseMs — integer, ms without a heartbeat after which a run is in doubt
-- ARGV[5]  ttlMs — integer, ms that a record is kept for at least, in every state
-- ARGV[6]  takeOver — integer, the fence of the run in doubt that may be run again; -1: any, 0: none
-- returns  {'late', nowUs}
-- returns  {'acquired', fence, bornUs} a first run
-- returns  {'taken-over', fence, bornUs} a run after one in doubt
-- returns  {'mine', fence, bornUs} it was claimed before, by this command; its lease begins anew
-- returns  {'mismatch'} the same key with another payload
-- returns  {'in-flight', ranMs, leaseLeftMs}
-- returns  {'replay', answer}
-- returns  {'in-doubt', fence, bornUs, status} status: of the last answer there was, 0 when there was none
-- cost     1 GET, and to claim 1 SET; otherwise 1 PTTL
-- keeps    one run at a time; fences rise; a record in doubt is run again by one caller only
local recordKey = KEYS[1]
local notAfterUs, owner, print = tonumber(ARGV[1]), ARGV[2], ARGV[3]
local leaseMs, ttlMs, takeOver = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])

local record = loadRecord(recordKey)

-- Before the time is looked at: who hears of it too late, because the first reply was lost, has to give it back.
if record and record.owner == owner and record.state ~= 'done' then
  if now <= notAfterUs then
    record.state, record.leaseUntilUs = 'running', now + leaseMs * 1000
    saveRecord(recordKey, record, leaseMs + ttlMs)
  end
  return { 'mine', record.fence, record.bornUs }
end
if now > notAfterUs then
  return { 'late', now }
end

if not record then
  saveRecord(recordKey, runOf(owner, now, now, print, leaseMs), leaseMs + ttlMs)
  return { 'acquired', now, now }
end

repairTtl(recordKey, leaseMs + ttlMs)
if not isSamePayload(record.print, print) then
  return { 'mismatch' }
end
if record.state == 'done' then
  return { 'replay', record.answer }
end
if record.state == 'running' then
  -- After a clock that stepped back, no lease is longer than a lease.
  if record.leaseUntilUs > now + leaseMs * 1000 then
    record.leaseUntilUs = now + leaseMs * 1000
    saveRecord(recordKey, record, leaseMs + ttlMs)
  end
  local ranMs = math.max(math.floor((now - record.startedUs) / 1000), 0)
  return { 'in-flight', ranMs, math.ceil((record.leaseUntilUs - now) / 1000) }
end
if takeOver == -1 or (takeOver ~= 0 and takeOver == record.fence) then
  local run = runOf(owner, math.max(record.fence + 1, now), record.bornUs, print, leaseMs)
  run.status = record.status
  saveRecord(recordKey, run, leaseMs + ttlMs)
  return { 'taken-over', run.fence, run.bornUs }
end
return { 'in-doubt', record.fence, record.bornUs, record.status }
