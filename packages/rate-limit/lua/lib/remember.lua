-- remember: keeps the id of a charge for as long as its command could still be charged again, which its notAfter ends
-- A generation lasts as long as its first charge; the one before it is kept beside it. So no charge is forgotten too
-- early, however many there are, and a quiet key holds one.
local function remember(subject, id, notAfterUs)
  local nowMs, notAfterMs = math.floor(now / 1000), math.ceil(notAfterUs / 1000)
  local endsMs, younger, elder = unpack(subject.charges)
  if nowMs > endsMs then
    elder = nowMs - endsMs > notAfterMs - nowMs and '' or younger
    endsMs, younger = notAfterMs, ''
  end
  subject.charges = { endsMs, younger .. ' ' .. id, elder }
end
