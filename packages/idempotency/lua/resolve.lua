-- resolve: ends a doubt with the answer that the app knows
-- KEYS[1]  recordKey — string, the record of one identity
-- ARGV[1]  fence — integer, of the run in doubt
-- ARGV[2]  answer — string, what is replayed
-- ARGV[3]  ttlMs — integer, ms
-- returns  {'kept'}
-- returns  {'refused'} it is not in doubt any more, or another run is
-- cost     1 GET, 1 SET
-- keeps    only the doubt that was looked at is ended
local recordKey = KEYS[1]
local fence, answer, ttlMs = tonumber(ARGV[1]), ARGV[2], tonumber(ARGV[3])

local record = loadRecord(recordKey)
if not record or record.state ~= 'in-doubt' or record.fence ~= fence then
  return { 'refused' }
end
record.state, record.answer = 'done', answer
saveRecord(recordKey, record, ttlMs)
return { 'kept' }
