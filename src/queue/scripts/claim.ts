import { OPEN_AFTER, PROBE_MS } from "../../core/policy/breaker.ts";
import { ASSUMED_EXCHANGE_MS, DANGER_MS } from "../../core/policy/order.ts";
import { LEASE, NOW, OPERATOR_PAUSES } from "./prelude.ts";
import { script } from "./script.ts";

/** For the order of a catch-up this many tokens are read on either side of now; those that are not due are passed over. */
const WINDOW = 1000;

/** How many may be claimed: free slots under concurrency and rate, one probe while the breaker is open. */
const FREE = `
concurrency, intervalMs, horizonMs = tonumber(concurrency), tonumber(intervalMs), tonumber(horizonMs)
redis.call('ZREMRANGEBYSCORE', running, '-inf', now)
local slots = concurrency - redis.call('ZCARD', running)
local free, nextSlot = math.min(tonumber(max), slots), now
if intervalMs > 0 then
  nextSlot = math.max(now, tonumber(redis.call('GET', pace) or 0))
  free = math.min(free, math.floor((now + horizonMs - nextSlot) / intervalMs) + 1)
end
local failures, probeAt = unpack(redis.call('HMGET', breaker, 'failures', 'probeAt'))
local open = tonumber(failures or 0) >= ${OPEN_AFTER}
if open then
  if tonumber(probeAt or 0) > now then return {now, probeAt, 0} end
  free = math.min(free, 1)
end
free = math.max(free, 0)`;

/**
 * What is left of the quotas per hour and day: sliding windows, the part of the last one that still counts added to the
 * current one. `ordinary` leaves the reserve alone; `all` is for tokens that are dead or about to be.
 */
const QUOTA = `
local windows = {{3600000, tonumber(perHour)}, {86400000, tonumber(perDay)}}
local ordinary, all, refill = free, free, 1000
for _, w in ipairs(windows) do
  if w[2] > 0 then
    local index = math.floor(now / w[1])
    local counts = redis.call('HMGET', quota, w[1] .. ':' .. index, w[1] .. ':' .. (index - 1))
    local used = tonumber(counts[1] or 0) + tonumber(counts[2] or 0) * (1 - (now % w[1]) / w[1])
    all = math.min(all, math.floor(w[2] - used))
    ordinary = math.min(ordinary, math.floor(w[2] * (1 - tonumber(reserve)) - used))
    refill = math.max(refill, math.min(60000, w[1] / w[2]))
  end
end`;

const CHARGE = `
for _, w in ipairs(windows) do
  if w[2] > 0 and #picked > 0 then
    local index = math.floor(now / w[1])
    redis.call('HINCRBY', quota, w[1] .. ':' .. index, #picked)
    redis.call('HDEL', quota, w[1] .. ':' .. (index - 2))
    redis.call('PEXPIRE', quota, 172800000)
  end
end`;

/**
 * See core/policy/order.ts for the order. While everything that is due can be sent, order does not matter and is not
 * computed. What an operator has paused is put off here, whatever has made it due in the meantime.
 */
const PICK = `
local picked, taken = {}, {}
local backlog = redis.call('ZCOUNT', due, '-inf', now)
local function pick(id, dueAt)
  taken[id] = true
  local till, _, note = 0
  if anyPaused then till, _, note = operatorPauseOf(id) end
  if till > now then
    putOperatorPause(id, till, tonumber(dueAt), note)
    redis.call('ZADD', due, till, id)
  else
    if till > 0 then redis.call('HDEL', operatorPauses, id) end
    table.insert(picked, {id, dueAt})
  end
end
if backlog <= math.min(free, ordinary) then
  local ids = redis.call('ZRANGEBYSCORE', due, '-inf', now, 'WITHSCORES')
  for i = 1, #ids, 2 do pick(ids[i], ids[i + 1]) end
elseif all > 0 then
  local wait = backlog * (intervalMs > 0 and intervalMs or ${ASSUMED_EXCHANGE_MS} / concurrency)
  local function pickDue(ids)
    for _, id in ipairs(ids) do
      if #picked >= math.min(free, all) then return end
      local dueAt = redis.call('ZSCORE', due, id)
      if dueAt and tonumber(dueAt) <= now then pick(id, dueAt) end
    end
  end
  local soonDead = string.format('%d', now + wait + ${DANGER_MS})
  pickDue(redis.call('ZRANGEBYSCORE', expiry, string.format('(%d', now), soonDead, 'LIMIT', 0, ${WINDOW}))
  pickDue(redis.call('ZREVRANGEBYSCORE', expiry, string.format('%d', now), '(0', 'LIMIT', 0, ${WINDOW}))
  local most = math.min(free, ordinary)
  if #picked < most then
    local ids = redis.call('ZRANGEBYSCORE', due, '-inf', now, 'WITHSCORES', 'LIMIT', 0, most + #picked)
    for i = 1, #ids, 2 do
      if #picked >= most then break end
      if not taken[ids[i]] then pick(ids[i], ids[i + 1]) end
    end
  end
end`;

/** A row of the reply for each, under a fence and a lease of its own. */
const LEASE_PICKED = `
local reply = {now, 0, 0}
for _, p in ipairs(picked) do
  local id, dueAt = p[1], p[2]
  local lease = now + leaseFor(id)
  local newFence, oldFence, record, request = lease, redis.call('HGET', fence, id), false, false
  if oldFence == string.format('%d', newFence) then newFence = newFence + 1 end
  if not oldFence and redis.call('HEXISTS', failing, id) == 0 then
    record = redis.call('HGET', state, id)
    request = record and redis.call('HGET', requests, id)
  end
  redis.call('ZADD', due, lease, id)
  redis.call('ZADD', running, lease, id)
  redis.call('HSET', fence, id, string.format('%d', newFence))
  table.insert(reply, {
    id, string.format('%d', newFence), dueAt, string.format('%d', nextSlot), lease - now, record or '', request or ''
  })
  nextSlot = nextSlot + intervalMs
  slots = slots - 1
end
if intervalMs > 0 and #picked > 0 then
  redis.call('SET', pace, string.format('%.3f', nextSlot), 'PX', math.ceil(nextSlot - now + intervalMs + 1000))
end`;

const ASK_AGAIN = `
local nextAt = redis.call('ZRANGE', due, 0, 0, 'WITHSCORES')[2]
if nextAt and tonumber(nextAt) <= now then
  if #picked >= math.min(free, ordinary) and ordinary < free then nextAt = now + refill
  elseif slots > 0 then nextAt = math.max(now + 1, nextSlot - horizonMs / 2)
  else
    nextAt = redis.call('ZRANGE', running, 0, 0, 'WITHSCORES')[2] or now + 1
    reply[3] = 1
  end
end
if open and #picked > 0 then
  local live = redis.call('ZRANGEBYSCORE', expiry, string.format('(%d', now), '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
  local nearest = live[2] and math.floor((live[2] - now) / 8) or ${PROBE_MS.most}
  local probeAt = now + math.max(${PROBE_MS.first}, math.min(${PROBE_MS.most}, nearest))
  redis.call('HSET', breaker, 'probeAt', string.format('%d', probeAt))
  nextAt = probeAt
end
reply[2] = nextAt and string.format('%d', math.ceil(nextAt)) or 0`;

/**
 * Claims what is due and may be sent now. A limit of 0 is none.
 *
 * For an id with no unfinished work a row also holds what `begin` would read, record and request, "" for none. An id that
 * may have a sealed token never qualifies: such a token always comes with a leftover fence or an entry in `failing`.
 *
 * -> {now, nextAt, blocked, {id, fence, dueAt, sendAt, leaseMs, record, request}*}. `nextAt`: when a further claim may find
 * something, 0 where nothing is scheduled. `blocked`: 1 where a slot that becomes free lets one be made earlier.
 */
export const claim = script(
  "claim",
  {
    keys: [
      "due",
      "running",
      "fence",
      "cooldown",
      "pace",
      "expiry",
      "breaker",
      "quota",
      "operatorPauses",
      "state",
      "requests",
      "failing",
    ],
    args: ["max", "concurrency", "floorMs", "capMs", "intervalMs", "horizonMs", "perHour", "perDay", "reserve"],
  },
  `${NOW} ${LEASE} ${OPERATOR_PAUSES}
local anyPaused = redis.call('EXISTS', operatorPauses) == 1
local pausedUntil = tonumber(redis.call('GET', cooldown) or 0)
local providerPause = anyPaused and operatorPauseOf('*') or 0
if providerPause > now then pausedUntil = math.max(pausedUntil, providerPause)
elseif providerPause > 0 then redis.call('HDEL', operatorPauses, '*') end
if pausedUntil > now then return {now, pausedUntil, 0} end
${FREE}
${QUOTA}
${PICK}
${CHARGE}
${LEASE_PICKED}
${ASK_AGAIN}
return reply`,
);
