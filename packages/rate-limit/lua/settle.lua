-- settle: refunds a charge, once, if it is still reserved
-- KEYS[1]  stateKey — string, as take keeps it
-- ARGV[1]  id — string, of the take
-- ARGV[2..] policies — as in take; 1 where this charge is to be refunded
-- returns  {'refunded', cost}
-- returns  {'nothing', reserved} reserved: how many charges still are
-- cost     1 GET; when it refunds 1 SET
-- keeps    a charge is refunded at most once, never into a window that began after it, and no key comes into being
local stateKey = KEYS[1]
local id = ARGV[1]
local policies = policiesFrom(2)

local subject = loadSubject(stateKey)
for position, reservation in ipairs(subject.reservations) do
  if reservation[1] == id then
    for i, policy in ipairs(policies) do
      if policy.settles and reservation[3 + i] ~= 0 then
        refund(subject.states[i], policy, reservation[3 + i], reservation[2])
      end
    end
    table.remove(subject.reservations, position)
    local ttlMs = math.max(redis.call('PTTL', stateKey), longestResetMs(quote(subject.states, policies, 1)))
    saveSubject(stateKey, subject, ttlMs)
    return { 'refunded', reservation[2] }
  end
end
return { 'nothing', #subject.reservations }
