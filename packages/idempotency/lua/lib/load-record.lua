-- loadRecord: what is known of an identity, a lease that ran out read as in doubt; nil when nothing is
local function loadRecord(recordKey)
  local packed = redis.call('HGET', recordKey, 'record')
  if not packed then
    return nil
  end
  local record = cmsgpack.unpack(packed)
  record.isLapsed = record.state == 'running' and record.leaseUntilUs <= now
  if record.isLapsed then
    record.state = 'in-doubt'
  end
  return record
end
