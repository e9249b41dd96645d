import { COOLDOWN_PROBE_MS, OPEN_AFTER, PROBE_MS } from "../../core/policy/breaker.ts";
import { ASSUMED_EXCHANGE_MS, DANGER_MS } from "../../core/policy/order.ts";
import { ARM_PUBLISH, COOLDOWN_PROBE, LEASE, NOW, OPERATOR_PAUSES, RECORD_DUE } from "./prelude.ts";
import { QUOTA, QUOTA_USED } from "./quota.ts";
import { script } from "./script.ts";

/** How many tokens the order of a catch-up reads on either side of now; those that are not due are passed over. */
const WINDOW = 1000;
/** Publishes of one provider under way at once, over all replicas. Each store has limits of its own besides. */
const PUBLISH_SLOTS = 64;
/** A token that dies within this is published first. */
const PUBLISH_DANGER_MS = 60_000;
/** When a claim is worth a try again that could take no further publish. */
const CAPACITY_MS = 100;

/**
 * Puts off what an operator has paused, whatever has made it due in the meantime; picks the rest. `index`: the sorted
 * set in which the id is due.
 */
const PICKER = `
local taken = {}
local function pickInto(picked, index, id, dueAt)
  taken[id] = true
  local till, _, note = 0
  if anyPaused then till, _, note = operatorPauseOf(id) end
  if till > now then
    putOperatorPause(id, till, tonumber(dueAt), note)
    redis.call('ZADD', index, till, id)
  else
    if till > 0 then redis.call('HDEL', operatorPauses, id) end
    table.insert(picked, {id, dueAt})
  end
end
local function pickDue(picked, index, ids, most)
  for _, id in ipairs(ids) do
    if #picked >= most then return end
    local dueAt = not taken[id] and redis.call('ZSCORE', index, id)
    if dueAt and tonumber(dueAt) <= now then pickInto(picked, index, id, dueAt) end
  end
end
local function pickOldest(picked, index, most)
  if #picked >= most then return end
  local ids = redis.call('ZRANGEBYSCORE', index, '-inf', now, 'WITHSCORES', 'LIMIT', 0, most + #picked)
  for i = 1, #ids, 2 do
    if #picked >= most then return end
    if not taken[ids[i]] then pickInto(picked, index, ids[i], ids[i + 1]) end
  end
end
local function dyingBy(index, instant)
  local from, to = string.format('(%d', now), string.format('%d', instant)
  return redis.call('ZRANGEBYSCORE', index, from, to, 'LIMIT', 0, ${WINDOW})
end
local function lastDead()
  return redis.call('ZREVRANGEBYSCORE', expiry, string.format('%d', now), '(0', 'LIMIT', 0, ${WINDOW})
end`;

/**
 * Publishes that wait for a store pass no gate of the provider: they take no slot of its rate, quota or concurrency,
 * and neither its cooldown nor its breaker holds them back. Their order is that of a catch-up, as for exchanges.
 */
const PICK_PUBLISHES = `
local publishes = {}
redis.call('ZREMRANGEBYSCORE', publishing, '-inf', now)
local publishFree = math.min(tonumber(max), ${PUBLISH_SLOTS} - redis.call('ZCARD', publishing))
if redis.call('ZCOUNT', waiting, '-inf', now) > publishFree then
  pickDue(publishes, waiting, dyingBy(expiry, now + ${PUBLISH_DANGER_MS}), publishFree)
  pickDue(publishes, waiting, lastDead(), publishFree)
end
pickOldest(publishes, waiting, publishFree)
max = tonumber(max) - #publishes`;

/** How many exchanges may be claimed: free slots under concurrency and rate, one probe while the breaker is open. */
const FREE = `
concurrency, intervalMs, horizonMs = tonumber(concurrency), tonumber(intervalMs), tonumber(horizonMs)
redis.call('ZREMRANGEBYSCORE', running, '-inf', now)
local slots = concurrency - redis.call('ZCARD', running)
local free, nextSlot = math.min(max, slots), now
if intervalMs > 0 then
  nextSlot = math.max(now, tonumber(redis.call('GET', pace) or 0))
  free = math.min(free, math.floor((now + horizonMs - nextSlot) / intervalMs) + 1)
end
local failures, probeAt = unpack(redis.call('HMGET', breaker, 'failures', 'probeAt'))
local open = tonumber(failures or 0) >= ${OPEN_AFTER}
local cooldownEnd = tonumber(redis.call('GET', cooldown) or 0)
local heldUntil, cooldownProbeAt = cooldownEnd, probeOf()
local probing = cooldownEnd > now and cooldownProbeAt > 0 and cooldownProbeAt <= now
if probing then heldUntil, free = 0, math.min(free, 1)
elseif cooldownProbeAt > now then heldUntil = math.min(heldUntil, cooldownProbeAt) end
if open then
  heldUntil = math.max(heldUntil, tonumber(probeAt or 0))
  free = math.min(free, 1)
end
if heldUntil > now then free = 0 end
free = math.max(free, 0)`;

/**
 * What is left of the quotas per hour and day. `ordinary` leaves the reserve alone; `all` is for tokens that are dead
 * or about to be. `refill`: ms until it is worth asking whether the quotas allow one more.
 */
const ALLOWED = `
local limits = {tonumber(perHour), tonumber(perDay)}
local limited = limits[1] > 0 or limits[2] > 0
local ordinary, all, refill = free, free, 1000
local used = limited and usedQuota()
for at, w in ipairs(quotaWindows) do
  local most = limits[at]
  if most > 0 then
    all = math.min(all, math.floor(most - used[at]))
    ordinary = math.min(ordinary, math.floor(most * (1 - tonumber(reserve)) - used[at]))
    refill = math.max(refill, math.min(60000, w[2] / most))
  end
end`;

/** Counts what is claimed as sent; a job that sends nothing takes it back. */
const CHARGE = `
if limited and #picked > 0 then chargeQuota(now, #picked) end`;

/**
 * Picks in the order of core/policy/order.ts. While everything that is due can be sent, the order does not matter and
 * is not computed. A probe goes to the account that was answered last: its answer says most about the provider.
 */
const PICK = `
local picked = {}
local backlog = redis.call('ZCOUNT', due, '-inf', now)
if heldUntil > now then backlog = 0
elseif open then
  local ids = redis.call('ZRANGEBYSCORE', due, '-inf', now, 'LIMIT', 0, ${WINDOW})
  local best, longest = ids[1], -1
  for _, id in ipairs(ids) do
    local liveUntil = tonumber(redis.call('ZSCORE', expiry, id) or 0)
    if liveUntil > longest then best, longest = id, liveUntil end
  end
  if best then pickDue(picked, due, {best}, math.min(free, all)) end
elseif backlog <= math.min(free, ordinary) then pickOldest(picked, due, backlog)
elseif all > 0 then
  local most = math.min(free, all)
  local wait = backlog * (intervalMs > 0 and intervalMs or ${ASSUMED_EXCHANGE_MS} / concurrency)
  local soonDead = now + wait + ${DANGER_MS}
  pickDue(picked, due, dyingBy(healthy, soonDead), most)
  pickDue(picked, due, dyingBy(expiry, soonDead), most)
  pickDue(picked, due, lastDead(), most)
  pickOldest(picked, due, math.min(free, ordinary))
end`;

/** A cooldown that is longer than an hour is probed by the one that was picked, which a later `begin` lets through. */
const PROBE_COOLDOWN = `
if probing and #picked > 0 then
  local probe = string.format('%d %s', now + ${COOLDOWN_PROBE_MS}, picked[1][1])
  redis.call('SET', cooldownProbe, probe, 'PX', math.ceil(cooldownEnd - now + 1))
  heldUntil = math.min(cooldownEnd, now + ${COOLDOWN_PROBE_MS})
end`;

/**
 * Each id that is picked gets a fence, a lease and a row of the reply. The fence of a publish begins with `p`. That of
 * a claim that was charged to a quota ends in the length of its lease (see REFUND).
 */
const LEASE_PICKED = `
local reply = {now, 0, 0}
local function leaseTo(id, claims, kind, charged)
  local lease = now + leaseFor(id)
  local oldFence = redis.call('HGET', fence, id)
  local function fenceAt(instant)
    return kind .. string.format('%d', instant) .. (charged and string.format('.%d', lease - now) or '')
  end
  local newFence = fenceAt(lease)
  if oldFence == newFence then newFence = fenceAt(lease + 1) end
  redis.call('ZADD', claims, lease, id)
  redis.call('HSET', fence, id, newFence)
  return lease, newFence, oldFence
end
for _, p in ipairs(publishes) do
  local id, dueAt = p[1], p[2]
  local lease, newFence = leaseTo(id, publishing, 'p')
  armPublish(id, lease)
  table.insert(reply, {id, newFence, dueAt, now, lease - now, '', ''})
end
for _, p in ipairs(picked) do
  local id, dueAt, record, request = p[1], p[2], false, false
  local lease, newFence, oldFence = leaseTo(id, running, '', limited)
  if not oldFence and redis.call('HEXISTS', failing, id) == 0 then
    record = redis.call('HGET', state, id)
    request = record and redis.call('HGET', requests, id)
  end
  redis.call('ZADD', due, lease, id)
  redis.call('ZADD', waiting, 'XX', lease, id)
  table.insert(reply, {
    id, newFence, dueAt, string.format('%d', nextSlot), lease - now, record or '', request or ''
  })
  nextSlot = nextSlot + intervalMs
  slots = slots - 1
end
if intervalMs > 0 and #picked > 0 then
  redis.call('SET', pace, string.format('%.3f', nextSlot), 'PX', math.ceil(nextSlot - now + intervalMs + 1000))
end`;

/**
 * When a further claim may find something. Where something due is left over: when the quotas allow the next exchange,
 * when the next slot is near, or else at the end of a job or of a lease. While the breaker is open: at the next probe,
 * which comes sooner when a live token is near its end.
 */
const ASK_AGAIN = `
local nextAt = redis.call('ZRANGE', due, 0, 0, 'WITHSCORES')[2]
if heldUntil > now then nextAt = heldUntil
elseif nextAt and tonumber(nextAt) <= now then
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
local waitingAt = redis.call('ZRANGE', waiting, 0, 0, 'WITHSCORES')[2]
if waitingAt and tonumber(waitingAt) <= now then
  waitingAt = redis.call('ZRANGE', publishing, 0, 0, 'WITHSCORES')[2] or now + ${CAPACITY_MS}
  reply[3] = 1
end
if waitingAt and (not nextAt or tonumber(waitingAt) < tonumber(nextAt)) then nextAt = waitingAt end
reply[2] = nextAt and string.format('%d', math.ceil(nextAt)) or 0`;

/**
 * Claims what is due and may be sent now, and the publishes that wait for a store. A limit of 0 is none.
 *
 * For an id with no unfinished work a row also holds what `begin` would read, record and request, "" for none. An id
 * that may have a sealed token never qualifies: such a token always comes with a leftover fence or an entry in
 * `failing`.
 *
 * -> {now, nextAt, blocked, {id, fence, dueAt, sendAt, leaseMs, record, request}*}. `nextAt`: when a further claim may
 * find something, 0 where nothing is scheduled. `blocked`: 1 where a slot that becomes free lets one be made earlier.
 */
export const claim = script(
  "claim",
  {
    keys: [
      "due",
      "running",
      "waiting",
      "publishing",
      "healthy",
      "fence",
      "cooldown",
      "cooldownProbe",
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
  `${NOW} ${LEASE} ${OPERATOR_PAUSES} ${RECORD_DUE} ${ARM_PUBLISH} ${COOLDOWN_PROBE} ${QUOTA} ${QUOTA_USED}
local anyPaused = redis.call('EXISTS', operatorPauses) == 1
local providerPause = anyPaused and operatorPauseOf('*') or 0
if providerPause > now then return {now, providerPause, 0} end
if providerPause > 0 then redis.call('HDEL', operatorPauses, '*') end
${PICKER}
${PICK_PUBLISHES}
${FREE}
${ALLOWED}
${PICK}
${PROBE_COOLDOWN}
${CHARGE}
${LEASE_PICKED}
${ASK_AGAIN}
return reply`,
);
