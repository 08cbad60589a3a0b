-- release: gives a run back, of which nothing has come
-- KEYS[1]  recordKey — string, the record of one identity
-- ARGV[1]  owner — string, of the run
-- ARGV[2]  fence — integer, of the run; 0 when its claim was never answered
-- ARGV[3]  ttlMs — integer, ms
-- returns  {'released'} also where there is nothing to give back
-- returns  {'refused'} it is not this run's any more
-- cost     1 GET, and 1 DEL or 1 SET
-- keeps    a run in doubt that this one took over stays in doubt; what is done stays
local recordKey = KEYS[1]
local owner, fence, ttlMs = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])

local record = loadRecord(recordKey)
if not record then
  return { 'released' }
end
if record.state == 'done' or not isRunOf(record, owner, fence) then
  return { 'refused' }
end
-- Another run came before this one: only the first of a record has its birth for its fence.
if record.fence ~= record.bornUs then
  record.state = 'in-doubt'
  saveRecord(recordKey, record, ttlMs)
else
  redis.call('DEL', recordKey)
end
return { 'released' }
