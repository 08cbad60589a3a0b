-- chargedBefore: whether a charge of this id was made of late: the client sent its command again
local function chargedBefore(subject, id)
  for generation = 2, 3 do
    if string.find(subject.charges[generation], ' ' .. id, 1, true) then
      return true
    end
  end
  return false
end
