-- settle: closes a reservation: its charge is refunded where that is asked, once, and stays where it is not
-- KEYS[1]  stateKey — string, as take keeps it
-- ARGV[1]  id — string, of the take
-- ARGV[2]  policiesJson — string, as in take; settles: whether this charge is to be refunded
-- returns  {'settled', cost}
-- returns  {'nothing', reserved} reserved: how many charges still are
-- cost     1 GET; when it settles 1 PTTL, 1 SET
-- keeps    a charge is settled at most once, never refunded into a window that began after it, and no key comes into being
local stateKey = KEYS[1]
local id = ARGV[1]
local policiesJson = ARGV[2]

local subject, policies = loadSubject(stateKey), cjson.decode(policiesJson)
for position, reservation in ipairs(subject.reservations) do
  if reservation[1] == id then
    table.remove(subject.reservations, position)
    for i, policy in ipairs(policies) do
      local mark = 3 + i
      if policy.settles and reservation[mark] ~= 0 then
        local moved = refund(subject.states[i], policy, reservation[mark], reservation[2])
        for younger = position, #subject.reservations do
          subject.reservations[younger][mark] = subject.reservations[younger][mark] - moved
        end
      end
    end
    local ttlMs = math.max(redis.call('PTTL', stateKey), longestResetMs(quote(subject.states, policies, 1)))
    saveSubject(stateKey, subject, ttlMs)
    return { 'settled', reservation[2] }
  end
end
return { 'nothing', #subject.reservations }
