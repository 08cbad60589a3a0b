-- keepDenial: a denial keeps nothing but a strike, what a clock that stepped back made untrue, and a TTL that got lost
local function keepDenial(stateKey, subject, quotes, isStrike)
  local changed = isStrike or subject.redated
  for i, said in ipairs(quotes) do
    if said.redated then
      subject.states[i] = said.redated
      changed = true
    end
  end
  if changed then
    saveSubject(stateKey, subject, longestResetMs(quotes))
  else
    repairTtl(stateKey, math.max(longestResetMs(quotes), blockWait(subject.block, 0) or 1))
  end
end
