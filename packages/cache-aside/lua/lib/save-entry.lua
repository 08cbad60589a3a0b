-- saveEntry: writes an entry of layout 1 that lives for lifeMs, and whose value is fresh for freshMs
local function saveEntry(entryKey, held, kind, freshMs, meta, payload, lifeMs)
  local freshUntilMs = kind == '-' and 0 or math.floor(now / 1000) + freshMs
  local head = '1' .. held .. string.format('%013.0f', freshUntilMs) .. kind .. string.format('%05d', #meta)
  redis.call('SET', entryKey, head .. meta .. payload, 'PX', lifeMs)
end
