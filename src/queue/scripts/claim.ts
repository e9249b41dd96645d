import { ASSUMED_EXCHANGE_MS, DANGER_MS } from "../../core/policy/order.ts";
import { HALT, LEASE, NOW, OPEN_AFTER, PROBE_MS } from "./prelude.ts";

/** So many tokens on either side of now are looked at for the order of a catch-up; those that are not due fall through. */
const WINDOW = 1000;

/**
 * What is left of the budget: sliding windows, the part of the last one that still counts added to the current one.
 * `ordinary` leaves the reserve alone; `all` is for tokens that are dead or about to be.
 */
const BUDGET = `
local windows = {{3600000, tonumber(ARGV[7])}, {86400000, tonumber(ARGV[8])}}
local ordinary, all, refill = free, free, 1000
for _, w in ipairs(windows) do
  if w[2] > 0 then
    local index = math.floor(now / w[1])
    local counts = redis.call('HMGET', quota, w[1] .. ':' .. index, w[1] .. ':' .. (index - 1))
    local used = tonumber(counts[1] or 0) + tonumber(counts[2] or 0) * (1 - (now % w[1]) / w[1])
    all = math.min(all, math.floor(w[2] - used))
    ordinary = math.min(ordinary, math.floor(w[2] * (1 - tonumber(ARGV[9])) - used))
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
 * See order.ts for the order. While everything that is due can be sent, order does not matter and is not looked for.
 * What an operator has paused is put off here, whoever has made it due meanwhile.
 */
const PICK = `
local picked, taken = {}, {}
local backlog = redis.call('ZCOUNT', due, '-inf', now)
local function pick(id, dueAt)
  taken[id] = true
  local till, _, note = 0
  if halted then till, _, note = haltOf(id) end
  if till > now then
    put(id, till, tonumber(dueAt), note) redis.call('ZADD', due, till, id)
  else
    if till > 0 then redis.call('HDEL', halts, id) end
    table.insert(picked, {id, dueAt})
  end
end
if backlog <= math.min(free, ordinary) then
  local ids = redis.call('ZRANGEBYSCORE', due, '-inf', now, 'WITHSCORES')
  for i = 1, #ids, 2 do pick(ids[i], ids[i + 1]) end
elseif all > 0 then
  local wait = backlog * (interval > 0 and interval or ${ASSUMED_EXCHANGE_MS} / concurrency)
  local function look(ids)
    for _, id in ipairs(ids) do
      if #picked >= math.min(free, all) then return end
      local dueAt = redis.call('ZSCORE', due, id)
      if dueAt and tonumber(dueAt) <= now then pick(id, dueAt) end
    end
  end
  look(redis.call('ZRANGEBYSCORE', expiry, string.format('(%d', now), string.format('%d', now + wait + ${DANGER_MS}), 'LIMIT', 0, ${WINDOW}))
  look(redis.call('ZREVRANGEBYSCORE', expiry, string.format('%d', now), '(0', 'LIMIT', 0, ${WINDOW}))
  local most = math.min(free, ordinary)
  if #picked < most then
    local ids = redis.call('ZRANGEBYSCORE', due, '-inf', now, 'WITHSCORES', 'LIMIT', 0, most + #picked)
    for i = 1, #ids, 2 do
      if #picked >= most then break end
      if not taken[ids[i]] then pick(ids[i], ids[i + 1]) end
    end
  end
end`;

/**
 * A claim that finds nothing unfinished also says what \`begin\` would: record and request, "" for none. A sealed token is always
 * unfinished: it is kept under a fence that was not given back, or with an entry in failing.
 * KEYS due running fence pause pace expiry breaker quota halts state requests failing
 * ARGV max concurrency floorMs capMs intervalMs horizonMs perHour perDay reserve (0: no limit)
 * -> {now, nextAt or 0, blocked, {id, fence, dueAt, sendAt, leaseMs, record, request}*}. nextAt: when it is worth asking again; blocked: a free slot is.
 */
export const claim = `
local due, running, fence, expiry, breaker, quota = KEYS[1], KEYS[2], KEYS[3], KEYS[6], KEYS[7], KEYS[8] ${NOW} ${LEASE}
local halts = KEYS[9] ${HALT}
local halted = redis.call('EXISTS', halts) == 1
local paused, all = tonumber(redis.call('GET', KEYS[4]) or 0), halted and haltOf('*') or 0
if all > now then paused = math.max(paused, all) elseif all > 0 then redis.call('HDEL', halts, '*') end
if paused > now then return {now, paused, 0} end
redis.call('ZREMRANGEBYSCORE', running, '-inf', now)
local concurrency, interval, horizon = tonumber(ARGV[2]), tonumber(ARGV[5]), tonumber(ARGV[6])
local slots = concurrency - redis.call('ZCARD', running)
local free, tat = math.min(tonumber(ARGV[1]), slots), now
if interval > 0 then
  tat = math.max(now, tonumber(redis.call('GET', KEYS[5]) or 0))
  free = math.min(free, math.floor((now + horizon - tat) / interval) + 1)
end
local circuit = redis.call('HMGET', breaker, 'failures', 'probeAt')
local open = tonumber(circuit[1] or 0) >= ${OPEN_AFTER}
if open then
  if tonumber(circuit[2] or 0) > now then return {now, circuit[2], 0} end
  free = math.min(free, 1)
end
free = math.max(free, 0)
${BUDGET}
${PICK}
${CHARGE}
local out = {now, 0, 0}
for _, p in ipairs(picked) do
  local id = p[1]
  local lease = now + leaseFor(id, expiry, tonumber(ARGV[3]), tonumber(ARGV[4]))
  local f, left, record, asked = lease, redis.call('HGET', fence, id), false, false
  if left == string.format('%d', f) then f = f + 1 end
  if not left and redis.call('HEXISTS', KEYS[12], id) == 0 then
    record = redis.call('HGET', KEYS[10], id)
    asked = record and redis.call('HGET', KEYS[11], id)
  end
  redis.call('ZADD', due, lease, id) redis.call('ZADD', running, lease, id)
  redis.call('HSET', fence, id, string.format('%d', f))
  table.insert(out, {id, string.format('%d', f), p[2], string.format('%d', tat), lease - now, record or '', asked or ''})
  tat = tat + interval
  slots = slots - 1
end
if interval > 0 and #picked > 0 then redis.call('SET', KEYS[5], string.format('%.3f', tat), 'PX', math.ceil(tat - now + interval + 1000)) end
local nextAt = redis.call('ZRANGE', due, 0, 0, 'WITHSCORES')[2]
if nextAt and tonumber(nextAt) <= now then
  if #picked >= math.min(free, ordinary) and ordinary < free then nextAt = now + refill
  elseif slots > 0 then nextAt = math.max(now + 1, tat - horizon / 2)
  else
    nextAt = redis.call('ZRANGE', running, 0, 0, 'WITHSCORES')[2] or now + 1
    out[3] = 1
  end
end
if open and #picked > 0 then
  local nearest = redis.call('ZRANGEBYSCORE', expiry, string.format('(%d', now), '+inf', 'WITHSCORES', 'LIMIT', 0, 1)[2]
  local probeAt = now + math.max(1000, math.min(${PROBE_MS}, nearest and math.floor((nearest - now) / 8) or ${PROBE_MS}))
  redis.call('HSET', breaker, 'probeAt', string.format('%d', probeAt))
  nextAt = probeAt
end
out[2] = nextAt and string.format('%d', math.ceil(nextAt)) or 0
return out`;
