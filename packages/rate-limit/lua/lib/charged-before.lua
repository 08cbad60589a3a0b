-- chargedBefore: whether a charge of this id is among the last of its subject: the client sent its command again
local function chargedBefore(subject, id)
  for _, charged in ipairs(subject.charges) do
    if charged == id then
      return true
    end
  end
  for _, reservation in ipairs(subject.reservations) do
    if reservation[1] == id then
      return true
    end
  end
  return false
end
