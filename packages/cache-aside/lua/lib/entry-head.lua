-- entryHead: the beginning of an entry, which is <layout 1><state 1><token 9><untilMs 6><freshUntilMs 6><kind 1><metaLength 3>,
-- then its meta, see entryMeta, and its payload; numbers are big-endian
--   state  L: token may load and store until untilMs; F: its load has failed; P: it stored nothing; -: none of these
--   kind   of a value J: serialized; B: bytes; j, b: the same, compressed; E: an error; -: no value
local function entryHead(entryKey)
  local head = redis.call('GETRANGE', entryKey, 0, 26)
  local isHead = #head == 27 and string.sub(head, 1, 1) == '2'
  return {
    isHead = isHead,
    state = string.sub(head, 2, 2),
    token = string.sub(head, 3, 11),
    holdsValue = isHead and string.match(string.sub(head, 24, 24), '[JBjb]') ~= nil,
    metaLength = isHead and struct.unpack('>I3', head, 25) or 0,
  }
end
