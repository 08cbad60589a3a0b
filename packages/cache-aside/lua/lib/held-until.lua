-- heldUntil: the part of an entry's head that says who holds it, and until when
local function heldUntil(state, token, holdMs)
  return state .. token .. struct.pack('>I6', math.floor(now / 1000) + holdMs)
end
