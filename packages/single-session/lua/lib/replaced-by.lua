-- replacedBy: whom the login of a generation displaced, from the tombstones it left: {{hash's beginning, device}, …}
local function replacedBy(user, gen)
  local replaced = {}
  for _, tombstone in ipairs(user.tombstones) do
    if tombstone[5] == gen then
      table.insert(replaced, { tombstone[1], tombstone[6] })
    end
  end
  return replaced
end
