/**
 * The quotas of a provider per hour and day, over all replicas. Lines that several scripts begin with, after those of
 * prelude.ts. KEYS quota.
 *
 * An exchange is charged to the minute and to the quarter of an hour in which it was claimed: fields `h` and `d` with
 * the index of that part. Everything since the part in which the window began counts as a whole. So no window of an
 * hour or a day, wherever it begins, ever has more than its quota; a quota that is used all the time gives 2 % less.
 *
 * A replica of an older release counts per hour and day of the clock: `3600000:INDEX`. These counters are kept up for
 * it, and `own:` says which part of them is not its own: the rest of the last two counts besides.
 */
export const QUOTA = `
local quotaWindows = {{'h', 3600000, 60000}, {'d', 86400000, 900000}}
local function chargeQuota(at, count)
  for _, w in ipairs(quotaWindows) do
    local ofOlder = w[2] .. ':' .. math.floor(at / w[2])
    redis.call('HINCRBY', quota, w[1] .. math.floor(at / w[3]), count)
    redis.call('HINCRBY', quota, ofOlder, count)
    redis.call('HINCRBY', quota, 'own:' .. ofOlder, count)
  end
  redis.call('PEXPIRE', quota, 172800000)
end
local function chargeRecovered(issuedAt)
  if issuedAt and issuedAt <= now and issuedAt > now - 86400000 then chargeQuota(issuedAt, 1) end
end`;

/** `usedQuota`: how many exchanges count against the windows of an hour (1) and of a day (2); drops what is too old. */
export const QUOTA_USED = `
local function usedQuota()
  local used, stale, all = {0, 0}, {}, redis.call('HGETALL', quota)
  for i = 1, #all, 2 do
    local field, count = all[i], tonumber(all[i + 1])
    local part, own, ms, index = string.match(field, '^([hd]?)(o?w?n?:?)(%d-):?(%d+)$')
    for at, w in ipairs(quotaWindows) do
      local oldest = false
      if part == w[1] then oldest = math.floor(now / w[3]) - w[2] / w[3]
      elseif part == '' and tonumber(ms) == w[2] then oldest = math.floor(now / w[2]) - 1 end
      if oldest and tonumber(index) < oldest then table.insert(stale, field)
      elseif oldest then used[at] = used[at] + (own == '' and count or -count) end
    end
  end
  if #stale > 0 then redis.call('HDEL', quota, unpack(stale)) end
  return used
end`;

/**
 * Takes back what a claim was charged for an exchange that was not sent, where it was charged. The fence of such a
 * claim ends in the length of its first lease, which tells when the claim was made; that of an older release's does
 * not.
 */
export const REFUND = `
local function refund(claimFence)
  local lease, leaseMs = string.match(claimFence, '^(%d+)%.(%d+)$')
  if lease then return chargeQuota(tonumber(lease) - tonumber(leaseMs), -1) end
  if redis.call('EXISTS', quota) == 0 then return end
  for _, w in ipairs(quotaWindows) do
    local ofOlder = w[2] .. ':' .. math.floor(now / w[2])
    local charged = tonumber(redis.call('HGET', quota, ofOlder) or 0)
    if charged > tonumber(redis.call('HGET', quota, 'own:' .. ofOlder) or 0) then
      redis.call('HINCRBY', quota, ofOlder, -1)
    end
  end
end`;
