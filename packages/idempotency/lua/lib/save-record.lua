-- saveRecord: keeps what loadRecord loads for ttlMs
-- By place and not by name, in one string: names, and a field of a hash beside a long one, take more than what they say.
local function saveRecord(recordKey, record, ttlMs)
  local fields = {
    1, -- the layout: raised with every change of what follows
    record.state,
    record.owner,
    record.fence,
    record.bornUs,
    record.print,
    record.status,
    record.answer,
  }
  -- What is done has no lease, and never gets one again.
  if record.state ~= 'done' then
    fields[9], fields[10] = record.leaseUntilUs, record.startedUs
  end
  redis.call('SET', recordKey, cmsgpack.pack(fields), 'PX', ttlMs)
end
