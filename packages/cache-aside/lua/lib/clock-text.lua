-- clockText: a clock as it is kept, see loadClock
local function clockText(clock)
  local form = '%s %.0f %.0f %.0f %.0f'
  return string.format(form, clock.incarnation, clock.tick, clock.floor, clock.floorMade, clock.ahead)
end
