-- isSamePayload: whether two fingerprints may be of one payload; those made in different ways cannot be told apart
local function isSamePayload(one, other)
  local way = '^([^:]*):'
  local ways = { string.match(one, way), string.match(other, way) }
  return one == other or (#ways == 2 and ways[1] ~= ways[2])
end
