-- saveSubject: keeps what loadSubject loads, for ttlMs or as long as its block is remembered
local function saveSubject(stateKey, subject, ttlMs)
  local packed = { subject.states, subject.charges, subject.reservations }
  if subject.block[1] > 0 or subject.block[4] > 0 then
    packed[4] = subject.block
    ttlMs = math.max(ttlMs, subject.block[4] - math.floor(now / 1000))
  end
  redis.call('SET', stateKey, cmsgpack.pack(packed), 'PX', math.max(ttlMs, 1))
end
