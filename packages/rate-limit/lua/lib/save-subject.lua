-- saveSubject: keeps what loadSubject loads, for ttlMs or as long as its block is remembered
local function saveSubject(stateKey, subject, ttlMs)
  local youngerEndsMs, younger, elderEndsMs, elder = unpack(subject.charges)
  local packed = {
    subject.states,
    packedCharges(youngerEndsMs, younger),
    packedCharges(elderEndsMs, elder),
    subject.reservations,
  }
  if subject.block[1] > 0 or subject.block[4] > 0 then
    packed[5] = subject.block
    ttlMs = math.max(ttlMs, subject.block[4] - math.floor(now / 1000))
  end
  -- Most subjects have no more than a state and their latest charge, and so fit the next smaller block of memory.
  while #packed > 1 and #packed[#packed] == 0 do
    table.remove(packed)
  end
  redis.call('SET', stateKey, cmsgpack.pack(packed), 'PX', math.max(ttlMs, 1))
end
