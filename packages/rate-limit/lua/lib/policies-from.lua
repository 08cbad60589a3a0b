-- policiesFrom: the policies that a script's arguments end with, five arguments each
local function policiesFrom(index)
  local policies = {}
  for i = index, #ARGV, 5 do
    table.insert(policies, {
      algorithm = ARGV[i],
      limit = tonumber(ARGV[i + 1]),
      windowMs = tonumber(ARGV[i + 2]),
      burst = tonumber(ARGV[i + 3]),
      settles = ARGV[i + 4] == '1',
    })
  end
  return policies
end
