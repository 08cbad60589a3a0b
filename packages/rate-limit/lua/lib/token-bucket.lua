-- tokenBucket: GCRA, the theoretical arrival time of a cell (ITU-T I.371, virtual scheduling). state: {tatUs}
-- A token comes every ceil(windowMs / limit); the bucket holds burst of them. What is owed is how far tat lies ahead of now.
local function tokenBucket(state, policy, cost)
  local tokenUs = math.ceil(policy.windowMs * 1000 / policy.limit)
  local fullUs = policy.burst * tokenUs
  local owedUs = math.max((state and state[1] or now) - now, 0)
  local redated
  if owedUs > fullUs then
    owedUs = fullUs -- nobody can owe more: the clock stepped back
    redated = { now + fullUs }
  end
  local chargedUs = owedUs + cost * tokenUs
  return {
    used = math.ceil(owedUs / tokenUs),
    resetMs = math.ceil(owedUs / 1000),
    waitMs = math.max(math.ceil((chargedUs - fullUs) / 1000), 0),
    charged = { now + chargedUs },
    chargedMs = math.ceil(chargedUs / 1000),
    redated = redated,
  }
end
