-- loadSubject: what a key holds of one subject
--   states        of the policies, in their order
--   charges       ids charged of late, in two generations: {endsMs of the younger, the younger, endsMs of the elder, the elder}
--   reservations  charges that may be refunded, oldest first: {id, cost, atMs, a mark for each policy}
--   block         {denials since the last admission, strikes, untilMs, forgottenMs, lengthMs}
--   redated       true when the block had to be dated to a clock that stepped back
local function loadSubject(stateKey)
  local packed = redis.call('GET', stateKey)
  local held = packed and cmsgpack.unpack(packed) or {}
  local youngerEndsMs, younger = unpackedCharges(held[2])
  local elderEndsMs, elder = unpackedCharges(held[3])
  local block = held[5] or { 0, 0, 0, 0, 0 }
  local aheadMs = block[3] - math.floor(now / 1000) - block[5]
  if aheadMs > 0 then
    block[3], block[4] = block[3] - aheadMs, block[4] - aheadMs
  end
  return {
    states = held[1] or {},
    charges = { youngerEndsMs, younger, elderEndsMs, elder },
    reservations = held[4] or {},
    block = block,
    redated = aheadMs > 0,
  }
end
