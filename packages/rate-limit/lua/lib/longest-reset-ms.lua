-- longestResetMs: for how long the states that were quoted mean anything
local function longestResetMs(quotes)
  local ttlMs = 0
  for _, said in ipairs(quotes) do
    ttlMs = math.max(ttlMs, said.resetMs)
  end
  return ttlMs
end
