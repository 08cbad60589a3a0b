-- entryHead: the beginning of an entry, which is <layout 1><state 1><token 12><untilMs 13><freshUntilMs 13><kind 1><metaLength 5>,
-- then its meta (incarnation, stamp, version, tags) and its payload
--   state  L: token may load and store until untilMs; F: its load has failed; P: it stored nothing; -: none of these
--   kind   of a value J: serialized; B: bytes; j, b: the same, compressed; E: an error; -: no value
local function entryHead(entryKey)
  local head = redis.call('GETRANGE', entryKey, 0, 45)
  return {
    layout = string.sub(head, 1, 1),
    state = string.sub(head, 2, 2),
    token = string.sub(head, 3, 14),
    holdsValue = string.match(string.sub(head, 41, 41), '[JBjb]') ~= nil,
    metaLength = tonumber(string.sub(head, 42, 46)) or 0,
  }
end
