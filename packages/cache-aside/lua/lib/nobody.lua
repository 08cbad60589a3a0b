-- nobody: the part of an entry's head that says that nobody holds it
local function nobody()
  return '-' .. string.rep('-', 12) .. string.rep('0', 13)
end
