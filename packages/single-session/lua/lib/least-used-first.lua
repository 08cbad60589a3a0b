-- leastUsedFirst: the sessions of a user in the order in which they make room: {{hash, gen, startedMs, seenMs, device}, …}
local function leastUsedFirst(sessions)
  local ordered = {}
  for hash, session in pairs(sessions) do
    table.insert(ordered, { hash, session[1], session[2], session[3], session[4] })
  end
  table.sort(ordered, function(one, other)
    if one[4] ~= other[4] then
      return one[4] < other[4]
    end
    return one[2] < other[2]
  end)
  return ordered
end
