-- quote: what a policy says to a cost, given what a key holds; nothing is written. A waitMs of -1 means never.
local function quote(packed, algorithm, limit, windowMs, cost)
  local held = packed and cmsgpack.unpack(packed) or {}
  -- Kept under another algorithm (a deploy changed it): begin anew.
  local state = held[1] == string.sub(algorithm, 1, 1) and held[2] or nil
  local ask = algorithm == 'fixed-window' and fixedWindow or slidingWindow
  local said = ask(state, math.floor(now / 1000), limit, windowMs, cost)
  if cost > limit then
    said.waitMs = -1
  end
  return said, state and held[3] or {}
end
