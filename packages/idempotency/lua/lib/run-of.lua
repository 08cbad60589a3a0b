-- runOf: the record of a run that begins, or goes on, now
local function runOf(owner, fence, bornUs, print, leaseMs)
  return {
    owner = owner,
    fence = fence,
    bornUs = bornUs,
    print = print,
    state = 'running',
    leaseUntilUs = now + leaseMs * 1000,
    startedUs = now,
    status = 0,
    answer = '',
  }
end
