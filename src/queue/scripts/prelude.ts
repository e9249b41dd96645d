import { SPEC_DIGITS } from "../../core/rotation/spec.ts";

/** Lines that several scripts begin with. Redis has no modules for them. */

export const NOW = `local t = redis.call('TIME') local now = t[1] * 1000 + math.floor(t[2] / 1000)`;

/**
 * Reads the last digits of the spec, revision, the text of the targets and the due instant off a record (see record.ts and
 * record-compact.ts), and tells whether one of some keys is not among the targets. Nothing for a record of another version.
 */
export const FIELDS = `local function base64(text)
  local value = 0
  for i = 1, #text do
    local b = string.byte(text, i)
    value = value * 64 + (b == 45 and 62 or b == 95 and 63 or b < 58 and b - 48 or b < 91 and b - 55 or b - 61)
  end
  return value
end
local function lastOf(spec) return string.sub(spec, -${SPEC_DIGITS}) end
local function fields(s)
  local spec, revision, targets = string.match(s, '^2..................(.......)(%w+)(.*)$')
  if spec then return spec, tonumber(revision, 36), targets, ' %s:' end
  revision, spec, targets = string.match(s, '^%[1,%-?%d+,%-?%d+,(%d+),"([^"]*)"(.*)$')
  return spec and lastOf(spec), tonumber(revision), targets, '"%s":['
end
local function dueOf(s)
  local issued, due = string.match(s, '^2(.......).....(......)')
  return issued and base64(issued) + base64(due) or string.match(s, '^%[1,%-?%d+,(%-?%d+)')
end
local function lacks(targets, keys, form)
  for key in string.gmatch(keys, '%S+') do
    if not string.find(targets, string.format(form, key), 1, true) then return true end
  end
  return false
end`;

/** Lease of a credential: a third of the life that the token has left which consumers hold (SORTED SET expiry), within bounds. */
export const LEASE = `local function leaseFor(id, expiry, floor, cap)
  local live = tonumber(redis.call('ZSCORE', expiry, id) or 0)
  return math.max(floor, math.min(cap, math.floor((live - now) / 3)))
end`;

export const WAKE = `local function wake(id) local first = redis.call('ZRANGE', due, 0, 0) if first[1] == id then redis.call('PUBLISH', ARGV[1], ARGV[2]) end end`;

/** A provider that left so many exchanges in a row unanswered is down: then a probe goes out now and then, and nothing else. */
export const OPEN_AFTER = 5;
/** Longest time between two probes; the end of a live token makes it shorter. */
export const PROBE_MS = 10_000;

/**
 * Operators' pauses, called halts here, apart from the pauses that a provider's 429 asks for: HASH halts: id -> "until was
 * note"; `*` is the whole provider. `was` is the instant at which the id would be due, 0 where it was not put off.
 */
export const HALT = `local function haltOf(id) local v = redis.call('HGET', halts, id) if not v then return 0, 0, '' end
  local u, w, n = string.match(v, '^(%d+) (%S+) (.*)$') return tonumber(u) or 0, tonumber(w) or 0, n end
local function put(id, u, w, n) redis.call('HSET', halts, id, string.format('%d %d ', u, w) .. n) end`;

/**
 * Puts an entry before the others (see history.ts) and keeps so many; the same outcome again only counts.
 * HASH history: id -> lines, newest first.
 */
export const REMEMBER = `local function remember(history, id, keep, entry)
  if keep == 0 then redis.call('HDEL', history, id) return end
  if entry == '' then return end
  local lines = redis.call('HGET', history, id) or ''
  local first, rest = string.match(lines, '^([^\\n]*)\\n?(.*)$')
  local said = string.match(entry, '^%S+ (.*)$')
  local before = string.match(first, '^%S+ (.*)$')
  local body, count = string.match(before or '', '^(.*) x(%d+)$')
  if before == said then body, count = before, 1 end
  if body == said then entry = string.format('%s x%d', entry, count + 1) lines = rest end
  for line in string.gmatch(lines, '[^\\n]+') do
    keep = keep - 1
    if keep < 1 then break end
    entry = entry .. '\\n' .. line
  end
  redis.call('HSET', history, id, entry)
end`;
