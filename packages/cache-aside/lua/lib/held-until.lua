-- heldUntil: the part of an entry's head that says who holds it, and until when
local function heldUntil(state, token, holdMs)
  return state .. token .. string.format('%013.0f', math.floor(now / 1000) + holdMs)
end
