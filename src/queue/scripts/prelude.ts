/**
 * Lines that several scripts begin with: Redis has no modules for them. Each says which keys and arguments the script
 * must declare for it.
 */

/** `now`: the clock of Redis, in ms. */
export const NOW = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)`;

/**
 * Length of a credential's lease: a third of the life that is left to the token that consumers hold, within bounds.
 * After NOW. KEYS expiry, ARGV floorMs, capMs.
 */
export const LEASE = `
local function leaseFor(id)
  local liveUntil = tonumber(redis.call('ZSCORE', expiry, id) or 0)
  return math.max(tonumber(floorMs), math.min(tonumber(capMs), math.floor((liveUntil - now) / 3)))
end`;

/**
 * `claims`: the sorted set of the leases to which the claim belongs. The fence of a claim that was made to publish
 * begins with `p`. ARGV claimFence, KEYS running, publishing.
 */
export const CLAIM_KIND = `
local publishOnly = string.sub(claimFence, 1, 1) == 'p'
local claims = publishOnly and publishing or running`;

/**
 * When no claim has retried a publish for this long, an ordinary claim does: replicas of an older release make no other
 * claims.
 */
export const FALLBACK_MS = 60_000;

/** `dueOf`: the instant at which a record says that its exchange is due (see core/rotation/record-codec.ts). */
export const RECORD_DUE = `
local function base64(text)
  local value = 0
  for i = 1, #text do
    local b = string.byte(text, i)
    value = value * 64 + (b == 45 and 62 or b == 95 and 63 or b < 58 and b - 48 or b < 91 and b - 55 or b - 61)
  end
  return value
end
local function dueOf(record)
  local issued, afterIssue = string.match(record, '^2(.......).....(......)')
  return issued and base64(issued) + base64(afterIssue) or string.match(record, '^%[1,%-?%d+,(%-?%d+)')
end`;

/**
 * `armPublish`: the publish of a sealed token is retried at an instant. The exchange stays due when its record says; an
 * ordinary claim takes over both where the token is not published by then. After RECORD_DUE. KEYS due, waiting, state.
 */
export const ARM_PUBLISH = `
local function armPublish(id, at)
  local record = redis.call('HGET', state, id)
  local exchangeAt = record and tonumber(dueOf(record)) or at
  redis.call('ZADD', waiting, at, id)
  redis.call('ZADD', due, 'XX', string.format('%d', math.max(at, math.min(exchangeAt, at + ${FALLBACK_MS}))), id)
end`;

/**
 * `probeOf`: when the cooldown is probed next, 0 where it is not, and the id that probed it last. KEYS cooldownProbe.
 */
export const COOLDOWN_PROBE = `
local function probeOf()
  local at, id = string.match(redis.call('GET', cooldownProbe) or '', '^(%d+) ?(.*)$')
  return tonumber(at or 0), id
end`;

/** Wakes the claim loops where the id is the one that is due next. KEYS due, ARGV channel, provider. */
export const WAKE = `
local function wake(id)
  if redis.call('ZRANGE', due, 0, 0)[1] == id then redis.call('PUBLISH', channel, provider) end
end`;

/**
 * Operators' pauses: "until was note" of an id, or of `*` for the whole provider. `was`: the instant at which the id
 * would be due, 0 where the pause has not put it off. KEYS operatorPauses.
 */
export const OPERATOR_PAUSES = `
local function operatorPauseOf(id)
  local text = redis.call('HGET', operatorPauses, id)
  if not text then return 0, 0, '' end
  local till, was, note = string.match(text, '^(%d+) (%S+) (.*)$')
  return tonumber(till) or 0, tonumber(was) or 0, note
end
local function putOperatorPause(id, till, was, note)
  redis.call('HSET', operatorPauses, id, string.format('%d %d ', till, was) .. note)
end`;
