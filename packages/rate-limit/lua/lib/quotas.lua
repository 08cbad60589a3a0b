-- quotas: what is told of each policy: {used, resetMs, waitMs}
local function quotas(quotes)
  local told = {}
  for i, said in ipairs(quotes) do
    told[i] = { said.used, said.resetMs, said.waitMs }
  end
  return told
end
