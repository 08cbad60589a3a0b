-- tombstoneOf: what is remembered of a session's end, nil when it is not
local function tombstoneOf(user, hash)
  for _, tombstone in ipairs(user.tombstones) do
    if tombstone[1] == string.sub(hash, 1, 16) then
      return tombstone
    end
  end
end
