-- slidingWindow: a log of charges, coarsened to at most 22 entries, whatever the limit. state: {lastMs, spanMs, ageMs, sum, ageMs, sum, …}
-- Newest first, ages counted back from lastMs. An entry gathers charges for 1/20 of a window, and counts as a whole until its
-- last charge is windowMs old: so no trailing window ever holds more than limit.
-- returns used and resetMs as they are; waitMs until cost passes; what to store, and for how long, once it is charged; and
-- redated, what to store even when it is not: after a clock stepped back, the newest charge is now, and the others keep
-- their distance from it
local function slidingWindow(state, nowMs, limit, windowMs, cost)
  state = state or { nowMs, 0 }
  local redated = nil
  if state[1] > nowMs then
    state[1] = nowMs
    redated = state
  end
  local sinceLastMs = nowMs - state[1]
  local live, used = {}, 0
  for i = 3, #state, 2 do
    local ageMs = sinceLastMs + state[i]
    if ageMs >= windowMs then
      break
    end
    table.insert(live, ageMs)
    table.insert(live, state[i + 1])
    used = used + state[i + 1]
  end

  local waitMs, freed, oldest = 0, 0, #live - 1
  while oldest > 0 and used - freed + cost > limit do
    freed = freed + live[oldest + 1]
    waitMs = windowMs - live[oldest]
    oldest = oldest - 2
  end

  local resetMs = #live > 0 and windowMs - live[1] or 0
  local spanMs = sinceLastMs + state[2]
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
    charged = { nowMs, spanMs, unpack(live) },
    chargedMs = windowMs,
    redated = redated,
  }
end
