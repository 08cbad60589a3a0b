-- holds: whether token may still store. It may until the entry is invalidated, filled, or leased to another; also when its
-- load was given up for failed
local function holds(entryKey, token)
  local head = entryHead(entryKey)
  return head.isHead and head.token == token and head.state ~= '-'
end
