-- slidingWindow: a log of charges, coarsened to at most 22 entries, whatever the limit
-- state: {lastMs, shiftMs, spanMs, ageMs, sum, ageMs, sum, …}, newest first, ages counted back from lastMs
-- An entry gathers charges for 1/20 of a window, and counts as a whole until its last charge is windowMs old: so no
-- trailing window ever holds more than limit. Instants are the server's clock plus shiftMs, which never steps back.
local function slidingWindow(state, policy, cost)
  local nowMs, windowMs = math.floor(now / 1000), policy.windowMs
  local lastMs, shiftMs, spanMs = nowMs, 0, 0
  local redated
  if state then
    lastMs, shiftMs, spanMs = state[1], state[2], state[3]
    if lastMs > nowMs + shiftMs then
      shiftMs = lastMs - nowMs -- the clock stepped back: the newest charge is now, the others as long before it as before
      redated = { lastMs, shiftMs, unpack(state, 3) }
    end
  end
  local sinceLastMs = nowMs + shiftMs - lastMs

  local live, used = {}, 0
  for i = 4, state and #state or 0, 2 do
    local ageMs = sinceLastMs + state[i]
    if ageMs >= windowMs then
      break
    end
    table.insert(live, ageMs)
    table.insert(live, state[i + 1])
    used = used + state[i + 1]
  end

  local waitMs, freed, oldest = 0, 0, #live - 1
  while oldest > 0 and used - freed + cost > policy.limit do
    freed = freed + live[oldest + 1]
    waitMs = windowMs - live[oldest]
    oldest = oldest - 2
  end

  local resetMs = used > 0 and windowMs - live[1] or 0
  spanMs = spanMs + sinceLastMs
  if #live > 0 and spanMs < math.ceil(windowMs / 20) then
    live[1] = 0
    live[2] = live[2] + cost
  else
    spanMs = 0
    table.insert(live, 1, cost)
    table.insert(live, 1, 0)
  end
  return {
    used = used,
    resetMs = resetMs,
    waitMs = waitMs,
    charged = { nowMs + shiftMs, shiftMs, spanMs, unpack(live) },
    chargedMs = windowMs,
    redated = redated,
  }
end
