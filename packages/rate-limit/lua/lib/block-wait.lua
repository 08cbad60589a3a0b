-- blockWait: how long a subject's block lasts from now, nil when there is none; with the wait of its policies, the longer
local function blockWait(block, waitMs)
  local leftMs = block[3] - math.floor(now / 1000)
  if leftMs > 0 then
    return waitMs == -1 and -1 or math.max(leftMs, waitMs)
  end
end
