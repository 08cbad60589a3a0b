-- isSamePayload: whether two fingerprints may be of one payload; those made in different ways cannot be told apart
local function isSamePayload(one, other)
  local way = '^[^:]*'
  return one == other or string.match(one, way) ~= string.match(other, way)
end
