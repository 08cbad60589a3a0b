-- packedCharges: a generation of charges as saveSubject keeps it: endsMs in 6 bytes, where cmsgpack takes 9, and the ids
local function packedCharges(endsMs, ids)
  return ids == '' and '' or struct.pack('>HI4', math.floor(endsMs / 2 ^ 32), endsMs % 2 ^ 32) .. ids
end
