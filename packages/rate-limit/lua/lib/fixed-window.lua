-- fixedWindow: a count that begins with its first charge and ends windowMs later. state: {endsMs, used}
-- returns used and resetMs as they are; waitMs until cost passes; what to store, and for how long, once it is charged; and
-- redated, what to store even when it is not: a window that ends too far ahead was begun before the clock stepped back
local function fixedWindow(state, nowMs, limit, windowMs, cost)
  local endsMs, used, redated = nowMs + windowMs, 0, nil
  if state and state[1] > nowMs then
    used = state[2]
    if state[1] > endsMs then
      redated = { endsMs, used }
    else
      endsMs = state[1]
    end
  end
  local resetMs = endsMs - nowMs
  return {
    used = used,
    resetMs = used > 0 and resetMs or 0,
    waitMs = used + cost > limit and resetMs or 0,
    charged = { endsMs, used + cost },
    chargedMs = resetMs,
    redated = redated,
  }
end
