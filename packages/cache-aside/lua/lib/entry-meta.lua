-- entryMeta: what follows the head of an entry, <incarnation 6><stamp 8><loadMs 2> and then words: '#<version> <tag> <tag> …'; nil
-- where there is none. The stamp is a double
local function entryMeta(entryKey)
  local head = entryHead(entryKey)
  local meta = redis.call('GETRANGE', entryKey, 27, 26 + head.metaLength)
  if not head.isHead or #meta < 16 then
    return nil
  end
  return {
    holdsValue = head.holdsValue,
    incarnation = string.sub(meta, 1, 6),
    stampUs = struct.unpack('>d', meta, 7),
    origin = string.sub(meta, 1, 16),
    words = string.sub(meta, 17),
  }
end
