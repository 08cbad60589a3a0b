-- nobody: the part of an entry's head that says that nobody holds it
local function nobody()
  return '-' .. string.rep('\0', 15)
end
