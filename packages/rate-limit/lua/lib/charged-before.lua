-- chargedBefore: whether a charge of this id was made of late: the client sent its command again
local function chargedBefore(subject, id)
  local _, younger, _, elder = unpack(subject.charges)
  return string.find(' ' .. younger .. ' ' .. elder, ' ' .. id, 1, true) ~= nil
end
