-- loadRecord: what is known of an identity, a lease that ran out read as in doubt; nil when nothing is
-- What is no record of this layout fails the script: who cannot read what became of a run must not begin another.
local function loadRecord(recordKey)
  local packed = redis.call('GET', recordKey)
  if not packed then
    return nil
  end
  local layout, state, owner, fence, bornUs, print, status, answer, leaseUntilUs, startedUs =
    unpack(cmsgpack.unpack(packed))
  if layout ~= 1 then
    error('a record of another layout')
  end
  local isLapsed = state == 'running' and leaseUntilUs <= now
  return {
    state = isLapsed and 'in-doubt' or state,
    isLapsed = isLapsed,
    owner = owner,
    fence = fence,
    bornUs = bornUs,
    print = print,
    status = status,
    answer = answer,
    leaseUntilUs = leaseUntilUs,
    startedUs = startedUs,
  }
end
