-- charge: charges a cost to every policy, and answers for how long that is to be kept. Where a charge may be settled it is
-- kept as a reservation: with a mark in each such policy, by which refund finds it.
local function charge(subject, policies, quotes, id, cost, notAfterUs)
  local nowMs, ttlMs = math.floor(now / 1000), 0
  local reservation, settles = { id, cost, nowMs }, false
  for i, said in ipairs(quotes) do
    subject.states[i] = said.charged
    said.used, said.resetMs = said.used + cost, said.chargedMs
    ttlMs = math.max(ttlMs, said.chargedMs)
    table.insert(reservation, policies[i].settles and said.charged[1] or 0)
    settles = settles or policies[i].settles
  end
  if settles then
    -- Whoever never settles: after five minutes, or a thousand others, the charge stays.
    local open = subject.reservations
    while open[1] and (#open >= 1000 or open[1][3] < nowMs - 300000) do
      table.remove(open, 1)
    end
    table.insert(open, reservation)
  end
  remember(subject, id, notAfterUs)
  return ttlMs
end
