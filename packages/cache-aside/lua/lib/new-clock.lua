-- newClock: a clock that knows of no marks, so that what was stamped by another is absent. Its marks are never empty: a member
-- that no tag can be called tells marks that were lost from those that were never made
local function newClock(marksKey, madeKey, incarnation)
  redis.call('DEL', marksKey, madeKey)
  redis.call('ZADD', marksKey, 0, '*')
  return { incarnation = incarnation, tick = now, floor = now, floorMade = now, ahead = 0 }
end
