-- unpackedCharges: endsMs and ids of what packedCharges packed; 0 and no ids where there was nothing
local function unpackedCharges(packed)
  if not packed or packed == '' then
    return 0, ''
  end
  local high, low = struct.unpack('>HI4', packed)
  return high * 2 ^ 32 + low, string.sub(packed, 7)
end
