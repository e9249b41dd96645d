import { OPEN_AFTER, PROBE_MS } from "../../core/policy/breaker.ts";
import {
  ARM_PUBLISH,
  CLAIM_KIND,
  COOLDOWN_PROBE,
  FALLBACK_MS,
  LEASE,
  NOW,
  OPERATOR_PAUSES,
  RECORD_DUE,
  WAKE,
} from "./prelude.ts";
import { QUOTA, REFUND } from "./quota.ts";
import { script } from "./script.ts";

/** What the job of a claim reads and writes. No script does anything unless the claim's fence is still there. */

/**
 * The lease of the claim ends at `lease`: nothing of the credential is due before, its waiting publish neither. KEYS
 * due, waiting.
 */
const EXTEND = `
for _, index in ipairs({due, waiting}) do redis.call('ZADD', index, 'XX', lease, id) end
redis.call('ZADD', claims, lease, id)`;

/** How soon the publish of a sealed token is tried where an exchange was claimed and is not made after all. */
const PUBLISH_INSTEAD_MS = 5000;

/**
 * At the start of a job: renews the lease and reads what is known of the credential. A cooldown of the provider, or of
 * the `host` of a token endpoint that is the credential's own ("" for none), holds back exchanges, and never a
 * publish.
 * -> {0} fenced | {2, pausedUntil, releaseAt} | {1, now, lease, record, request, sealed}
 */
export const begin = script(
  "begin",
  {
    keys: [
      "due",
      "running",
      "publishing",
      "waiting",
      "state",
      "fence",
      "cooldown",
      "cooldownProbe",
      "hostCooldowns",
      "requests",
      "sealed",
      "operatorPauses",
      "expiry",
    ],
    args: ["id", "claimFence", "floorMs", "capMs", "host"],
  },
  `${NOW} ${LEASE} ${OPERATOR_PAUSES} ${CLAIM_KIND} ${COOLDOWN_PROBE}
if redis.call('HGET', fence, id) ~= claimFence then return {0} end
local cooldownEnd = publishOnly and 0 or tonumber(redis.call('GET', cooldown) or 0)
local _, prober = probeOf()
if prober == id then cooldownEnd = 0 end
if host ~= '' and not publishOnly then
  cooldownEnd = math.max(cooldownEnd, tonumber(redis.call('HGET', hostCooldowns, host) or 0))
end
if cooldownEnd > now then return {2, cooldownEnd, cooldownEnd} end
local ofProvider, own = operatorPauseOf('*'), operatorPauseOf(id)
if ofProvider > now then return {2, ofProvider, 0} end
if own > now then return {2, own, own} end
local lease = now + leaseFor(id)
${EXTEND}
return {1, now, lease, redis.call('HGET', state, id), redis.call('HGET', requests, id), redis.call('GET', sealed)}`,
);

/** In the middle of a job, before it sends anything: renews the lease. -> 0 fenced | the lease from now on, in ms */
export const renew = script(
  "renew",
  {
    keys: ["due", "running", "publishing", "waiting", "fence", "expiry"],
    args: ["id", "claimFence", "floorMs", "capMs"],
  },
  `${NOW} ${LEASE} ${CLAIM_KIND}
if redis.call('HGET', fence, id) ~= claimFence then return 0 end
local leaseMs = leaseFor(id)
local lease = now + leaseMs
${EXTEND}
return leaseMs`,
);

/** Between exchange and publish: remembers the revision and the sealed token, renews the lease. -> 0 fenced | 1 */
export const minted = script(
  "minted",
  {
    keys: ["due", "running", "publishing", "waiting", "state", "fence", "sealed"],
    args: ["id", "claimFence", "leaseMs", "record", "sealedToken", "lifeMs"],
  },
  `${NOW} ${CLAIM_KIND}
if redis.call('HGET', fence, id) ~= claimFence then return 0 end
local lease = now + tonumber(leaseMs)
${EXTEND}
redis.call('HSET', state, id, record)
if sealedToken ~= '' then redis.call('SET', sealed, sealedToken, 'PX', lifeMs) end
return 1`,
);

/**
 * The breaker of a provider (see core/policy/breaker.ts). `countAnswer`: counts accounts in a row that had been
 * answered and now are not; an account that stays unanswered (`still_down`) counts once. A provider with too few
 * accounts for that counts each try. Returns 1 when that has opened the breaker, 2 when it has closed it, else 0.
 * After NOW. KEYS breaker, due.
 */
const BREAKER = `
local function countAnswer(answer)
  if answer == '' then return 0 end
  if answer == 'still_down' and redis.call('ZCARD', due) >= ${OPEN_AFTER} then return 0 end
  local failures = tonumber(redis.call('HGET', breaker, 'failures') or 0)
  if answer == 'up' then
    if failures > 0 then redis.call('DEL', breaker) end
    return failures >= ${OPEN_AFTER} and 2 or 0
  end
  redis.call('HINCRBY', breaker, 'failures', 1)
  redis.call('PEXPIRE', breaker, 3600000)
  if failures + 1 ~= ${OPEN_AFTER} then return 0 end
  redis.call('HSET', breaker, 'probeAt', string.format('%d', now + ${PROBE_MS.first}))
  return 1
end`;

/**
 * Puts an entry before the others and keeps `keep` of them; the same outcome again only counts. An entry is a line, see
 * core/rotation/history.ts. KEYS history.
 */
const HISTORY = `
local function remember(id, keep, entry)
  if keep == 0 then redis.call('HDEL', history, id) return end
  if entry == '' then return end
  local lines = redis.call('HGET', history, id) or ''
  local newest, older = string.match(lines, '^([^\\n]*)\\n?(.*)$')
  local outcome = string.match(entry, '^%S+ (.*)$')
  local before = string.match(newest, '^%S+ (.*)$')
  local body, count = string.match(before or '', '^(.*) x(%d+)$')
  if before == outcome then body, count = before, 1 end
  if body == outcome then entry = string.format('%s x%d', entry, count + 1) lines = older end
  for line in string.gmatch(lines, '[^\\n]+') do
    keep = keep - 1
    if keep < 1 then break end
    entry = entry .. '\\n' .. line
  end
  redis.call('HSET', history, id, entry)
end`;

/**
 * Ends a job: re-arms the credential, and writes down its record, its entries and the provider's answer. `nextAt`: when
 * the credential is due for an exchange. `publishAt`: when the publish of its sealed token is retried, 0 where none
 * waits. `servedRequest`: the mark of the request that the job has served; any other mark makes the credential due now.
 * `recoveredAt`: when the token was issued that the stores were found to hold, else 0.
 * -> {0 fenced | 1 re-armed | 2 no longer configured, 1 the breaker opened | 2 it closed | 0}
 */
export const finish = script(
  "finish",
  {
    keys: [
      "due",
      "running",
      "waiting",
      "publishing",
      "healthy",
      "state",
      "fence",
      "requests",
      "sealed",
      "expiry",
      "failing",
      "breaker",
      "quota",
      "history",
      "operatorPauses",
      "assumed",
      "laterSecrets",
      "cooldown",
      "cooldownProbe",
    ],
    args: [
      "channel",
      "provider",
      "id",
      "claimFence",
      "nextAt",
      "publishAt",
      "record",
      "liveUntil",
      "healthyUntil",
      "failure",
      "keepSealed",
      "servedRequest",
      "answer",
      "sent",
      "recoveredAt",
      "historyKeep",
      "obtained",
      "assumedLife",
      "secretPlace",
      "entry",
    ],
  },
  `${NOW} ${WAKE} ${QUOTA} ${REFUND} ${BREAKER} ${HISTORY} ${COOLDOWN_PROBE}
if redis.call('HGET', fence, id) ~= claimFence then return {0, 0} end
redis.call('HDEL', fence, id)
for _, claims in ipairs({running, publishing}) do redis.call('ZREM', claims, id) end
if keepSealed == '0' then redis.call('DEL', sealed) end
if sent == '0' and string.sub(claimFence, 1, 1) ~= 'p' then refund(claimFence) end
chargeRecovered(tonumber(recoveredAt))
local turned = countAnswer(answer)
local _, prober = probeOf()
if obtained == '1' and prober == id then
  redis.call('DEL', cooldown, cooldownProbe)
  redis.call('PUBLISH', channel, provider)
end
nextAt, publishAt = tonumber(nextAt), tonumber(publishAt)
if string.find(answer, 'down', 1, true)
  and tonumber(redis.call('HGET', breaker, 'failures') or 0) >= ${OPEN_AFTER} then
  nextAt = math.min(nextAt, now + ${PROBE_MS.most})
end
local request = redis.call('HGET', requests, id)
if request then
  if request == servedRequest then redis.call('HDEL', requests, id)
  elseif string.sub(request, 1, 1) == 'p' then publishAt = now
  else nextAt = now end
end
if publishAt > 0 then nextAt = math.min(nextAt, publishAt + ${FALLBACK_MS}) end
if redis.call('ZADD', due, 'XX', 'CH', string.format('%d', nextAt), id) == 0
  and not redis.call('ZSCORE', due, id) then
  for _, hash in ipairs({state, failing, requests, history, operatorPauses}) do redis.call('HDEL', hash, id) end
  for _, index in ipairs({expiry, waiting, healthy, assumed, laterSecrets}) do redis.call('ZREM', index, id) end
  redis.call('DEL', sealed)
  return {2, turned}
end
remember(id, tonumber(historyKeep), entry)
redis.call('HSET', state, id, record)
if tonumber(liveUntil) > 0 then redis.call('ZADD', expiry, liveUntil, id) else redis.call('ZREM', expiry, id) end
if failure == '' then redis.call('HDEL', failing, id) else redis.call('HSET', failing, id, failure) end
if publishAt > 0 then redis.call('ZADD', waiting, string.format('%d', publishAt), id)
else redis.call('ZREM', waiting, id) end
if tonumber(healthyUntil) > 0 then redis.call('ZADD', healthy, healthyUntil, id)
else redis.call('ZREM', healthy, id) end
if assumedLife == '1' then redis.call('ZADD', assumed, 1, id) else redis.call('ZREM', assumed, id) end
if tonumber(secretPlace) > 1 then redis.call('ZADD', laterSecrets, secretPlace, id)
else redis.call('ZREM', laterSecrets, id) end
if turned == 2 or redis.call('ZRANGE', waiting, 0, 0)[1] == id then redis.call('PUBLISH', channel, provider)
else wake(id) end
return {1, turned}`,
);

/**
 * Releases a claim without finishing it; `nextAt` 0 is now. The publish of a sealed token does not wait that long: it
 * passes no gate that may hold back the exchange. The fence is set to `-` instead of being deleted: it tells
 * the next claim that a sealed token may have been left behind (after a crash), so that its job reads it.
 * -> 0 fenced | 1
 */
export const release = script(
  "release",
  {
    keys: ["due", "running", "waiting", "publishing", "state", "fence", "quota"],
    args: ["channel", "provider", "id", "claimFence", "nextAt"],
  },
  `${NOW} ${WAKE} ${QUOTA} ${REFUND} ${CLAIM_KIND} ${RECORD_DUE} ${ARM_PUBLISH}
if redis.call('HGET', fence, id) ~= claimFence then return 0 end
redis.call('ZREM', claims, id)
if redis.call('ZSCORE', due, id) then redis.call('HSET', fence, id, '-') else redis.call('HDEL', fence, id) end
nextAt = tonumber(nextAt)
if nextAt == 0 then nextAt = now end
if publishOnly then
  armPublish(id, nextAt)
  redis.call('PUBLISH', channel, provider)
else
  refund(claimFence)
  redis.call('ZADD', due, 'XX', nextAt, id)
  local waits = redis.call('ZADD', waiting, 'XX', 'CH', now + ${PUBLISH_INSTEAD_MS}, id) == 1
  if waits then redis.call('PUBLISH', channel, provider) else wake(id) end
end
return 1`,
);
