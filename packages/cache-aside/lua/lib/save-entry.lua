-- saveEntry: writes an entry of layout 2 that lives for lifeMs, and whose value is fresh for freshMs
local function saveEntry(entryKey, held, kind, freshMs, meta, payload, lifeMs)
  local freshUntilMs = kind == '-' and 0 or math.floor(now / 1000) + freshMs
  local head = '2' .. held .. struct.pack('>I6', freshUntilMs) .. kind .. struct.pack('>I3', #meta)
  redis.call('SET', entryKey, head .. meta .. payload, 'PX', lifeMs)
end
