-- fixedWindow: a count that begins with its first charge and ends windowMs later. state: {endsMs, used}
local function fixedWindow(state, policy, cost)
  local nowMs = math.floor(now / 1000)
  local endsMs, used, redated = nowMs + policy.windowMs, 0, nil
  if state and state[1] > nowMs then
    used = state[2]
    if state[1] > endsMs then
      redated = { endsMs, used } -- it ends too far ahead: it was begun before the clock stepped back
    else
      endsMs = state[1]
    end
  end
  return {
    used = used,
    resetMs = used > 0 and endsMs - nowMs or 0,
    waitMs = used + cost > policy.limit and endsMs - nowMs or 0,
    charged = { endsMs, used + cost },
    chargedMs = endsMs - nowMs,
    redated = redated,
  }
end
