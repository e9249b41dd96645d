/**
 * The due index's scripts: each is atomic, uses the clock of Redis, and touches keys of one provider only (one hash tag).
 * A claim writes a *fence* (HASH fence: id -> claim) and a *lease* (score of the id in `due` and `running`). Whoever
 * writes later must show the fence; when the lease runs out the id is simply due again and the next claim takes a new fence.
 */

const NOW = `local t = redis.call('TIME') local now = t[1] * 1000 + math.floor(t[2] / 1000)`;

/** Reads schema, liveUntil, dueAt, revision and spec off the front of a record (see record.ts). */
const FIELDS = `local function fields(s) return string.match(s, '^%[1,(%-?%d+),(%-?%d+),(%d+),"([^"]*)"') end`;

/** Lease of a credential whose consumers hold a live token until \`live\`. */
const LEASE = `local function leaseFor(live, floor, cap) return math.max(floor, math.min(cap, math.floor((live - now) / 3))) end`;

const WAKE = `local function wake(id) local first = redis.call('ZRANGE', due, 0, 0) if first[1] == id then redis.call('PUBLISH', ARGV[1], ARGV[2]) end end`;

/** KEYS due running state | ARGV channel provider now? (id spec)* -> {added, changed} */
const register = `
local due, running, state = KEYS[1], KEYS[2], KEYS[3] ${NOW} ${FIELDS}
local added, changed = 0, 0
for i = 3, #ARGV, 2 do
  local id, spec = ARGV[i], ARGV[i + 1]
  local s = redis.call('HGET', state, id)
  local _, dueAt, _, was
  if s then _, dueAt, _, was = fields(s) end
  if was and was ~= spec and not redis.call('ZSCORE', running, id) then
    redis.call('ZADD', due, now, id) changed = changed + 1
  else
    added = added + redis.call('ZADD', due, 'NX', dueAt or now, id)
  end
end
if added + changed > 0 then redis.call('PUBLISH', ARGV[1], ARGV[2]) end
return {added, changed}`;

/**
 * KEYS due running state fence pause pace | ARGV max concurrency floorMs capMs intervalMs horizonMs
 * -> {now, nextAt or 0, blocked, (id, fence, dueAt, sendAt)*}. nextAt: when it is worth asking again; blocked: a free slot is.
 */
const claim = `
local due, running, state, fence = KEYS[1], KEYS[2], KEYS[3], KEYS[4] ${NOW} ${FIELDS} ${LEASE}
local paused = tonumber(redis.call('GET', KEYS[5]) or 0)
if paused > now then return {now, paused, 0} end
redis.call('ZREMRANGEBYSCORE', running, '-inf', now)
local max, interval, horizon = tonumber(ARGV[1]), tonumber(ARGV[5]), tonumber(ARGV[6])
local slots = math.min(max, tonumber(ARGV[2]) - redis.call('ZCARD', running))
local free, tat = slots, now
if interval > 0 then
  tat = math.max(now, tonumber(redis.call('GET', KEYS[6]) or 0))
  free = math.min(free, math.floor((now + horizon - tat) / interval) + 1)
end
local out = {now, 0, 0}
if free > 0 then
  local ids = redis.call('ZRANGEBYSCORE', due, '-inf', now, 'WITHSCORES', 'LIMIT', 0, free)
  for i = 1, #ids, 2 do
    local id = ids[i]
    local s = redis.call('HGET', state, id)
    local live = s and fields(s) or 0
    local lease = now + leaseFor(tonumber(live), tonumber(ARGV[3]), tonumber(ARGV[4]))
    local f = lease
    if redis.call('HGET', fence, id) == string.format('%d', f) then f = f + 1 end
    redis.call('ZADD', due, lease, id) redis.call('ZADD', running, lease, id)
    redis.call('HSET', fence, id, string.format('%d', f))
    table.insert(out, id) table.insert(out, string.format('%d', f))
    table.insert(out, ids[i + 1]) table.insert(out, string.format('%d', tat))
    tat = tat + interval
    slots = slots - 1
  end
  if interval > 0 and #ids > 0 then redis.call('SET', KEYS[6], string.format('%.3f', tat), 'PX', math.ceil(tat - now + interval + 1000)) end
end
local nextAt = redis.call('ZRANGE', due, 0, 0, 'WITHSCORES')[2]
if nextAt and tonumber(nextAt) <= now then
  if slots > 0 then nextAt = math.max(now + 1, tat - horizon / 2)
  else
    nextAt = redis.call('ZRANGE', running, 0, 0, 'WITHSCORES')[2] or now + 1
    out[3] = 1
  end
end
out[2] = nextAt and string.format('%d', math.ceil(nextAt)) or 0
return out`;

/** KEYS due running state fence pause requests sealed | ARGV id fence floorMs capMs -> {0} fenced | {2, pausedUntil} | {1, now, lease, state, request, sealed} */
const begin = `
local due, running, state, fence = KEYS[1], KEYS[2], KEYS[3], KEYS[4] ${NOW} ${FIELDS} ${LEASE}
local id = ARGV[1]
if redis.call('HGET', fence, id) ~= ARGV[2] then return {0} end
local paused = tonumber(redis.call('GET', KEYS[5]) or 0)
if paused > now then return {2, paused} end
local s = redis.call('HGET', state, id)
local live = s and fields(s) or 0
local lease = now + leaseFor(tonumber(live), tonumber(ARGV[3]), tonumber(ARGV[4]))
redis.call('ZADD', due, 'XX', lease, id) redis.call('ZADD', running, lease, id)
return {1, now, lease, s, redis.call('HGET', KEYS[6], id), redis.call('GET', KEYS[7])}`;

/** KEYS due running state fence sealed | ARGV id fence leaseMs state sealed lifeMs -> 0 fenced | 1 */
const minted = `
local due, running, state, fence = KEYS[1], KEYS[2], KEYS[3], KEYS[4] ${NOW}
local id = ARGV[1]
if redis.call('HGET', fence, id) ~= ARGV[2] then return 0 end
local lease = now + tonumber(ARGV[3])
redis.call('ZADD', due, 'XX', lease, id) redis.call('ZADD', running, lease, id)
redis.call('HSET', state, id, ARGV[4])
if ARGV[5] ~= '' then redis.call('SET', KEYS[5], ARGV[5], 'PX', ARGV[6]) end
return 1`;

/**
 * KEYS due running state fence requests sealed expiry failing
 * ARGV channel provider id fence nextAt state liveUntil failing keepSealed request -> 0 fenced | 1 re-armed | 2 no longer configured
 */
const finish = `
local due, running, state, fence = KEYS[1], KEYS[2], KEYS[3], KEYS[4] ${NOW} ${WAKE}
local id, nextAt = ARGV[3], tonumber(ARGV[5])
if redis.call('HGET', fence, id) ~= ARGV[4] then return 0 end
redis.call('HDEL', fence, id) redis.call('ZREM', running, id)
if ARGV[9] == '0' then redis.call('DEL', KEYS[6]) end
if not redis.call('ZSCORE', due, id) then
  redis.call('HDEL', state, id) redis.call('ZREM', KEYS[7], id) redis.call('HDEL', KEYS[8], id) redis.call('HDEL', KEYS[5], id) redis.call('DEL', KEYS[6])
  return 2
end
local asked = redis.call('HGET', KEYS[5], id)
if asked then if asked == ARGV[10] then redis.call('HDEL', KEYS[5], id) else nextAt = now end end
redis.call('ZADD', due, nextAt, id)
redis.call('HSET', state, id, ARGV[6])
if tonumber(ARGV[7]) > 0 then redis.call('ZADD', KEYS[7], ARGV[7], id) else redis.call('ZREM', KEYS[7], id) end
if ARGV[8] == '' then redis.call('HDEL', KEYS[8], id) else redis.call('HSET', KEYS[8], id, ARGV[8]) end
wake(id)
return 1`;

/** Gives a claim back without having done anything. KEYS due running fence | ARGV channel provider id fence nextAt (0: now) -> 0 | 1 */
const release = `
local due, running, fence = KEYS[1], KEYS[2], KEYS[3] ${NOW} ${WAKE}
local id, nextAt = ARGV[3], tonumber(ARGV[5])
if redis.call('HGET', fence, id) ~= ARGV[4] then return 0 end
redis.call('HDEL', fence, id) redis.call('ZREM', running, id)
redis.call('ZADD', due, 'XX', nextAt == 0 and now or nextAt, id)
wake(id)
return 1`;

/** An operator asks for a rotation. KEYS due running requests | ARGV channel provider id -> now, or -1: unknown id */
const request = `
local due = KEYS[1] ${NOW} ${WAKE}
local id = ARGV[3]
if not redis.call('ZSCORE', due, id) then return -1 end
redis.call('HSET', KEYS[3], id, string.format('%d', now))
local lease = redis.call('ZSCORE', KEYS[2], id)
if not lease or tonumber(lease) <= now then redis.call('ZADD', due, 'XX', now, id) wake(id) end
return now`;

/** Makes waiting ids due now, leaving those under way alone. KEYS due running | ARGV channel provider id* -> how many */
const advance = `
local due = KEYS[1] ${NOW}
local n = 0
for i = 3, #ARGV do
  local score = redis.call('ZSCORE', due, ARGV[i])
  if score and tonumber(score) > now and not redis.call('ZSCORE', KEYS[2], ARGV[i]) then redis.call('ZADD', due, now, ARGV[i]) n = n + 1 end
end
if n > 0 then redis.call('PUBLISH', ARGV[1], ARGV[2]) end
return n`;

/** Nothing is claimed or sent before the instant. A later pause wins. KEYS pause | ARGV forMs -> until */
const pause = `
${NOW}
local until_ = math.max(now + tonumber(ARGV[1]), tonumber(redis.call('GET', KEYS[1]) or 0))
redis.call('SET', KEYS[1], string.format('%d', until_), 'PX', math.ceil(until_ - now + 1))
return until_`;

/** KEYS due state expiry failing requests (sealed)* | ARGV id* in the order of the sealed keys */
const remove = `
for i = 1, #ARGV do
  redis.call('ZREM', KEYS[1], ARGV[i]) redis.call('HDEL', KEYS[2], ARGV[i]) redis.call('ZREM', KEYS[3], ARGV[i])
  redis.call('HDEL', KEYS[4], ARGV[i]) redis.call('HDEL', KEYS[5], ARGV[i]) redis.call('DEL', KEYS[5 + i])
end
return #ARGV`;

export const scripts = {
  register,
  claim,
  begin,
  minted,
  finish,
  release,
  request,
  advance,
  pause,
  remove,
} as const;
export type ScriptName = keyof typeof scripts;
