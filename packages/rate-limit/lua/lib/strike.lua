-- strike: counts a denial, and after so many in a row blocks: each time twice as long, up to the rule's maxMs
local function strike(block, rule)
  local nowMs = math.floor(now / 1000)
  if nowMs >= block[4] then
    block[1], block[2] = 0, 0
  end
  block[1] = block[1] + 1
  if block[1] >= rule.afterDenials then
    block[1] = 0
    block[2] = math.min(block[2] + 1, 50)
    block[5] = math.min(rule.durationMs * 2 ^ (block[2] - 1), rule.maxMs)
    block[3] = nowMs + block[5]
  end
  block[4] = math.max(block[3], nowMs) + rule.maxMs
end
