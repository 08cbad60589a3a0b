-- lapse: why a session is over by time alone, nil while it is not
local function lapse(session, idleMs, absoluteMs)
  local nowMs = math.floor(now / 1000)
  if nowMs - session[2] >= absoluteMs then
    return 'expired'
  end
  if nowMs - session[3] >= idleMs then
    return 'idle'
  end
end
