-- remember: keeps the id of a charge for as long as its command could be charged again, which its notAfter ends
-- Two generations: the elder goes when the last of its commands can come no more, and the younger takes its place. So none
-- is forgotten too early, however many there are, and a quiet key holds one.
local function remember(subject, id, notAfterUs)
  local nowMs = math.floor(now / 1000)
  local youngerEndsMs, younger, elderEndsMs, elder = unpack(subject.charges)
  if nowMs > elderEndsMs then
    elderEndsMs, elder = youngerEndsMs, nowMs > youngerEndsMs and '' or younger
    youngerEndsMs, younger = 0, ''
  end
  local endsMs = math.max(youngerEndsMs, math.ceil(notAfterUs / 1000))
  subject.charges = { endsMs, younger == '' and id or younger .. ' ' .. id, elderEndsMs, elder }
end
