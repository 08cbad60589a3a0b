-- fixedWindow: a count that begins with its first charge and ends windowMs later. state: {endsMs, used}
-- returns used and resetMs as they are; waitMs until cost passes; and what to store, and for how long, once it is charged
local function fixedWindow(state, nowMs, limit, windowMs, cost)
  local endsMs, used = nowMs + windowMs, 0
  if state and state[1] > nowMs then
    endsMs = math.min(state[1], endsMs) -- a clock that stepped back must not make the window longer
    used = state[2]
  end
  local resetMs = endsMs - nowMs
  return {
    used = used,
    resetMs = used > 0 and resetMs or 0,
    waitMs = used + cost > limit and resetMs or 0,
    charged = { endsMs, used + cost },
    chargedMs = resetMs,
  }
end
