-- quote: what every policy says to a cost; nothing is written. Answers the quotes, and waitMs until the cost passes all
-- of them: 0 now, -1 never. A quote has used and resetMs as they are; waitMs; charged, the state once the cost is charged,
-- to be kept for chargedMs; and redated, the state to keep even when it is not, after the clock stepped back.
local function quote(states, policies, cost)
  local algorithms = { ['fixed-window'] = fixedWindow, ['sliding-window'] = slidingWindow, ['token-bucket'] = tokenBucket }
  local quotes, waitMs = {}, 0
  for i, policy in ipairs(policies) do
    local said = algorithms[policy.algorithm](states[i], policy, cost)
    if cost > policy.burst then
      said.waitMs = -1
    end
    if said.waitMs == -1 or waitMs == -1 then
      waitMs = -1
    else
      waitMs = math.max(waitMs, said.waitMs)
    end
    quotes[i] = said
  end
  return quotes, waitMs
end
