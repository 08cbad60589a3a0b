-- isSamePayload: whether two fingerprints may be of one payload; those made in different ways cannot be told apart
local function isSamePayload(one, other)
  local way, otherWay = string.match(one, '^([^:]*):'), string.match(other, '^([^:]*):')
  return one == other or (way ~= nil and otherWay ~= nil and way ~= otherWay)
end
