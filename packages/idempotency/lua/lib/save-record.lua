-- saveRecord: keeps what loadRecord loads for ttlMs, with the answer of one that is done
local function saveRecord(recordKey, record, ttlMs, answer)
  record.isLapsed = nil
  redis.call('HSET', recordKey, 'record', cmsgpack.pack(record))
  if answer then
    redis.call('HSET', recordKey, 'answer', answer)
  end
  redis.call('PEXPIRE', recordKey, ttlMs)
end
