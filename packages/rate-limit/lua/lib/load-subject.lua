-- loadSubject: what a key holds of one subject
--   initials      of the algorithms its states are of
--   states        of the policies, in their order
--   charges       ids of the last few charges, newest first
--   reservations  charges that may be refunded, oldest first: {id, cost, atMs, a mark for each policy}
--   block         {denials since the last admission, strikes, untilMs, forgottenMs, lengthMs}
--   redated       true when the block had to be dated to a clock that stepped back
local function loadSubject(stateKey, policies)
  local initials = ''
  for _, policy in ipairs(policies) do
    initials = initials .. string.sub(policy.algorithm, 1, 1)
  end
  local packed = redis.call('GET', stateKey)
  local held = packed and cmsgpack.unpack(packed) or {}
  local isSame = held[1] == initials -- a deploy may have changed the algorithms: then their states mean nothing
  local block = held[5] or { 0, 0, 0, 0, 0 }
  local aheadMs = block[3] - math.floor(now / 1000) - block[5]
  if aheadMs > 0 then
    block[3], block[4] = block[3] - aheadMs, block[4] - aheadMs
  end
  return {
    initials = initials,
    states = isSame and held[2] or {},
    charges = isSame and held[3] or {},
    reservations = isSame and held[4] or {},
    block = block,
    redated = aheadMs > 0,
  }
end
