-- bury: leaves a tombstone, which says to a session's token why it is over; of a user the last sixteen stay
-- by: {device, gen} of the login that took its place
local function bury(user, hash, reason, by, device)
  local atMs = math.floor(now / 1000)
  table.insert(user.tombstones, 1, { string.sub(hash, 1, 16), reason, atMs, by[1], by[2], device })
  user.tombstones[17] = nil
end
