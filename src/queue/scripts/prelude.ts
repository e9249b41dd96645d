/**
 * Lines that several scripts begin with: Redis has no modules for them. Each says which keys and arguments the script must
 * declare for it.
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

/** Wakes the claim loops where the id is the one that is due next. KEYS due, ARGV channel, provider. */
export const WAKE = `
local function wake(id)
  if redis.call('ZRANGE', due, 0, 0)[1] == id then redis.call('PUBLISH', channel, provider) end
end`;

/**
 * Operators' pauses: "until was note" of an id, or of `*` for the whole provider. `was`: the instant at which the id would
 * be due, 0 where the pause has not put it off. KEYS operatorPauses.
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
