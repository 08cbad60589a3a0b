-- refund: takes a reservation back out of a policy's state, found by its mark; what is no longer there is not refunded
-- returns by how much the marks of younger reservations move with it
local function refund(state, policy, mark, cost)
  if policy.algorithm == 'fixed-window' then
    if state[1] == mark then
      state[2] = math.max(state[2] - cost, 0)
    end
    return 0
  end
  if policy.algorithm == 'token-bucket' then
    -- Not more than what of it is still owed: the rest has flowed back by itself.
    local tokenUs = math.ceil(policy.windowMs * 1000 / policy.limit)
    local backUs = math.max(math.min(cost * tokenUs, mark - now), 0)
    state[1] = state[1] - backUs
    return backUs
  end
  -- Its entry is the oldest one whose last charge is not before it; once it has left the window, that is another's.
  local entry
  local nowMs = math.max(math.floor(now / 1000) + state[2], state[1])
  for i = 4, #state, 2 do
    if state[1] - state[i] < mark then
      break
    end
    entry = i
  end
  if entry and nowMs - mark < policy.windowMs then
    state[entry + 1] = math.max(state[entry + 1] - cost, 0)
  end
  return 0
end
