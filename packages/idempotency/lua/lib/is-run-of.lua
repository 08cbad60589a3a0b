-- isRunOf: whether a record is still that of this run, and of no successor; a claim that was never answered has fence 0
local function isRunOf(record, owner, fence)
  return record.owner == owner and (fence == 0 or record.fence == fence)
end
