import { claim } from "./claim.ts";
import { operatorScripts } from "./operator.ts";
import { recoveryScripts } from "./recovery.ts";
import { FIELDS, HALT, LEASE, NOW, OPEN_AFTER, PROBE_MS, REMEMBER, WAKE } from "./prelude.ts";

/**
 * The due index's scripts: each is atomic, uses the clock of Redis, and touches keys of one provider only (one hash tag).
 * A claim writes a *fence* (HASH fence: id -> claim) and a *lease* (score of the id in `due` and `running`). Whoever
 * writes later must show the fence; when the lease runs out the id is simply due again and the next claim takes a new fence.
 */

/**
 * What is asked for differently, or has got a target that does not hold the token that was issued, is due now; what is missing is due when its
 * record says. KEYS due running state | ARGV channel provider, JSON of [id, "spec target*", ...] -> {added, changed}
 */
const register = `
local due, running, state = KEYS[1], KEYS[2], KEYS[3] ${NOW} ${FIELDS}
local all, ids, missing, changed = cjson.decode(ARGV[3]), {}, {}, {}
for i = 1, #all, 2 do ids[#ids + 1] = all[i] end
local records = redis.call('HMGET', state, unpack(ids))
local scores = redis.call('ZMSCORE', due, unpack(ids))
for i, id in ipairs(ids) do
  local was, revision, held, form
  if records[i] then was, revision, held, form = fields(records[i]) end
  local differs = false
  if was then
    local spec, targets = string.match(all[2 * i], '^(%S*) ?(.*)$')
    differs = was ~= lastOf(spec) or (revision > 0 and lacks(held, targets, form))
  end
  if differs and not redis.call('ZSCORE', running, id) then changed[#changed + 1] = now changed[#changed + 1] = id
  elseif not scores[i] then missing[#missing + 1] = was and dueOf(records[i]) or now missing[#missing + 1] = id end
end
local added = #missing > 0 and redis.call('ZADD', due, unpack(missing)) or 0
if #changed > 0 then redis.call('ZADD', due, unpack(changed)) end
if added + #changed > 0 then redis.call('PUBLISH', ARGV[1], ARGV[2]) end
return {added, #changed / 2}`;

/** KEYS due running state fence pause requests sealed halts expiry | ARGV id fence floorMs capMs -> {0} fenced | {2, pausedUntil, releaseAt} | {1, now, lease, state, request, sealed} */
const begin = `
local due, running, state, fence, halts = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[8] ${NOW} ${LEASE} ${HALT}
local id = ARGV[1]
if redis.call('HGET', fence, id) ~= ARGV[2] then return {0} end
local paused = tonumber(redis.call('GET', KEYS[5]) or 0)
if paused > now then return {2, paused, paused} end
local all, own = haltOf('*'), haltOf(id)
if all > now then return {2, all, 0} end
if own > now then return {2, own, own} end
local lease = now + leaseFor(id, KEYS[9], tonumber(ARGV[3]), tonumber(ARGV[4]))
redis.call('ZADD', due, 'XX', lease, id) redis.call('ZADD', running, lease, id)
return {1, now, lease, redis.call('HGET', state, id), redis.call('HGET', KEYS[6], id), redis.call('GET', KEYS[7])}`;

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

/** Takes back what the claim charged for an exchange that was not sent. */
const REFUND = `local function refund(quota)
  if redis.call('EXISTS', quota) == 0 then return end
  for _, ms in ipairs({3600000, 86400000}) do
    local field = ms .. ':' .. math.floor(now / ms)
    if tonumber(redis.call('HGET', quota, field) or 0) > 0 then redis.call('HINCRBY', quota, field, -1) end
  end
end`;

/** Counts exchanges in a row that were left unanswered. -> 0, 1 the circuit has opened, 2 it has closed */
const CIRCUIT = `local function circuit(breaker, answer)
  if answer == '' then return 0 end
  local failures = tonumber(redis.call('HGET', breaker, 'failures') or 0)
  if answer == 'up' then
    if failures > 0 then redis.call('DEL', breaker) end
    return failures >= ${OPEN_AFTER} and 2 or 0
  end
  redis.call('HINCRBY', breaker, 'failures', 1) redis.call('PEXPIRE', breaker, 3600000)
  if failures + 1 ~= ${OPEN_AFTER} then return 0 end
  redis.call('HSET', breaker, 'probeAt', string.format('%d', now + 1000))
  return 1
end`;

/**
 * KEYS due running state fence requests sealed expiry failing breaker quota history halts
 * ARGV channel provider id fence nextAt state liveUntil failing keepSealed request answer sent keep entry
 * -> {0 fenced | 1 re-armed | 2 no longer configured, 1 the circuit opened | 2 it closed | 0}
 */
const finish = `
local due, running, state, fence = KEYS[1], KEYS[2], KEYS[3], KEYS[4] ${NOW} ${WAKE} ${REFUND} ${CIRCUIT} ${REMEMBER}
local id, nextAt = ARGV[3], tonumber(ARGV[5])
if redis.call('HGET', fence, id) ~= ARGV[4] then return {0, 0} end
redis.call('HDEL', fence, id) redis.call('ZREM', running, id)
if ARGV[9] == '0' then redis.call('DEL', KEYS[6]) end
if ARGV[12] == '0' then refund(KEYS[10]) end
local turned = circuit(KEYS[9], ARGV[11])
if ARGV[11] == 'down' and tonumber(redis.call('HGET', KEYS[9], 'failures') or 0) >= ${OPEN_AFTER} then nextAt = math.min(nextAt, now + ${PROBE_MS}) end
local asked = redis.call('HGET', KEYS[5], id)
if asked then if asked == ARGV[10] then redis.call('HDEL', KEYS[5], id) else nextAt = now end end
if redis.call('ZADD', due, 'XX', 'CH', nextAt, id) == 0 and not redis.call('ZSCORE', due, id) then
  redis.call('HDEL', state, id) redis.call('ZREM', KEYS[7], id) redis.call('HDEL', KEYS[8], id) redis.call('HDEL', KEYS[5], id) redis.call('DEL', KEYS[6])
  redis.call('HDEL', KEYS[11], id) redis.call('HDEL', KEYS[12], id)
  return {2, turned}
end
remember(KEYS[11], id, tonumber(ARGV[13]), ARGV[14])
redis.call('HSET', state, id, ARGV[6])
if tonumber(ARGV[7]) > 0 then redis.call('ZADD', KEYS[7], ARGV[7], id) else redis.call('ZREM', KEYS[7], id) end
if ARGV[8] == '' then redis.call('HDEL', KEYS[8], id) else redis.call('HSET', KEYS[8], id, ARGV[8]) end
if turned == 2 then redis.call('PUBLISH', ARGV[1], ARGV[2]) else wake(id) end
return {1, turned}`;

/**
 * Gives a claim back unfinished. Its fence is taken by nobody, and stays until the next one has finished: after a fault of ours a sealed
 * token may be kept, for which the next job must ask (see the claim). KEYS due running fence quota | ARGV channel provider id fence nextAt (0: now) -> 0 | 1
 */
const release = `
local due, running, fence = KEYS[1], KEYS[2], KEYS[3] ${NOW} ${WAKE} ${REFUND}
local id, nextAt = ARGV[3], tonumber(ARGV[5])
if redis.call('HGET', fence, id) ~= ARGV[4] then return 0 end
redis.call('ZREM', running, id) refund(KEYS[4])
if redis.call('ZSCORE', due, id) then redis.call('HSET', fence, id, '-') else redis.call('HDEL', fence, id) end
redis.call('ZADD', due, 'XX', nextAt == 0 and now or nextAt, id)
wake(id)
return 1`;

/**
 * An operator asks for a rotation, or (kind p) for what is at hand to be published; the former serves both.
 * KEYS due running requests halts | ARGV channel provider id kind -> now, -1: unknown id, -until: paused
 */
const request = `
local due, halts = KEYS[1], KEYS[4] ${NOW} ${WAKE} ${HALT}
local id = ARGV[3]
if not redis.call('ZSCORE', due, id) then return -1 end
local till = math.max(haltOf('*'), (haltOf(id)))
if till > now then return -till end
redis.call(ARGV[4] == '' and 'HSET' or 'HSETNX', KEYS[3], id, ARGV[4] .. string.format('%d', now))
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

/** Nothing is claimed or sent before the instant, by any replica. A later pause wins. KEYS pause | ARGV channel provider forMs -> until */
const pause = `
${NOW}
local until_ = math.max(now + tonumber(ARGV[3]), tonumber(redis.call('GET', KEYS[1]) or 0))
redis.call('SET', KEYS[1], string.format('%d', until_), 'PX', math.ceil(until_ - now + 1))
redis.call('PUBLISH', ARGV[1], ARGV[2])
return until_`;

/** KEYS due state expiry failing requests history halts (sealed)* | ARGV id* in the order of the sealed keys */
const remove = `
for i = 1, #ARGV do
  redis.call('ZREM', KEYS[1], ARGV[i]) redis.call('HDEL', KEYS[2], ARGV[i]) redis.call('ZREM', KEYS[3], ARGV[i])
  redis.call('HDEL', KEYS[4], ARGV[i]) redis.call('HDEL', KEYS[5], ARGV[i])
  redis.call('HDEL', KEYS[6], ARGV[i]) redis.call('HDEL', KEYS[7], ARGV[i]) redis.call('DEL', KEYS[7 + i])
end
return #ARGV`;

/** Evenly spaced slots of a shared budget. KEYS tat | ARGV count intervalMs aheadMs -> {ms until the first, how many} */
const reserve = `
${NOW}
local interval, ahead = tonumber(ARGV[2]), tonumber(ARGV[3])
local tat = math.max(now, tonumber(redis.call('GET', KEYS[1]) or 0))
local granted = math.max(0, math.min(tonumber(ARGV[1]), math.floor((now + ahead - tat) / interval) + 1))
if granted > 0 then
  local after = tat + granted * interval
  redis.call('SET', KEYS[1], string.format('%.3f', after), 'PX', math.ceil(after - now + 1000))
end
return {string.format('%.3f', tat - now), granted}`;

/** KEYS tat | ARGV forMs */
const backOff = `
${NOW}
local tat = math.max(now + tonumber(ARGV[1]), tonumber(redis.call('GET', KEYS[1]) or 0))
redis.call('SET', KEYS[1], string.format('%.3f', tat), 'PX', math.ceil(tat - now + 1000))
return 1`;

/**
 * Says which configuration counts while replicas run different ones: the one that came last, while a replica runs it.
 * KEYS marker | ARGV hash since ttlMs claim (1: wins over another one of the same instant) -> 1 it counts | 0 another one does
 */
const configure = `
local since = ARGV[2]
local at, hash = string.match(redis.call('GET', KEYS[1]) or '', '^(%d+) (%x+)$')
if hash == ARGV[1] then
  if tonumber(at) > tonumber(since) then since = at end
elseif hash and (tonumber(at) > tonumber(since) or (at == since and ARGV[4] == '0')) then return 0 end
redis.call('SET', KEYS[1], since .. ' ' .. ARGV[1], 'PX', ARGV[3])
return 1`;

export const scripts = {
  configure,
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
  ...operatorScripts,
  ...recoveryScripts,
  reserve,
  backOff,
} as const;
export type ScriptName = keyof typeof scripts;
