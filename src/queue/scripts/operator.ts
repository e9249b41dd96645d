import { COOLDOWN_PROBE_MS } from "../../core/policy/breaker.ts";
import { FALLBACK_MS, NOW, OPERATOR_PAUSES, WAKE } from "./prelude.ts";
import { script } from "./script.ts";

/**
 * Leaves the mark of an operator's request and makes the credential due, where it is not under way. `kind`: "" asks for
 * a rotation, "p" for what is sealed to be published; a rotation serves both. A publish passes no gate of the provider.
 * -> now | -1 unknown id | -until paused
 */
export const request = script(
  "request",
  {
    keys: ["due", "running", "publishing", "waiting", "requests", "operatorPauses"],
    args: ["channel", "provider", "id", "kind"],
  },
  `${NOW} ${WAKE} ${OPERATOR_PAUSES}
if not redis.call('ZSCORE', due, id) then return -1 end
local till = math.max(operatorPauseOf('*'), (operatorPauseOf(id)))
if till > now then return -till end
redis.call(kind == '' and 'HSET' or 'HSETNX', requests, id, kind .. string.format('%d', now))
local lease = redis.call('ZSCORE', running, id) or redis.call('ZSCORE', publishing, id)
if not lease or tonumber(lease) <= now then
  if kind == '' then
    redis.call('ZADD', due, 'XX', now, id)
    wake(id)
  else
    redis.call('ZADD', waiting, now, id)
    redis.call('ZADD', due, 'XX', 'LT', now + ${FALLBACK_MS}, id)
    redis.call('PUBLISH', channel, provider)
  end
end
return now`,
);

/** Makes ids due now, for a publish where one waits, leaving those under way alone. -> how many */
export const advance = script(
  "advance",
  { keys: ["due", "running", "publishing", "waiting"], args: ["channel", "provider", "...ids"] },
  `${NOW}
local advanced = 0
for _, id in ipairs(ids) do
  local index = redis.call('ZSCORE', waiting, id) and waiting or due
  local score = redis.call('ZSCORE', index, id)
  local underWay = redis.call('ZSCORE', running, id) or redis.call('ZSCORE', publishing, id)
  if score and tonumber(score) > now and not underWay then
    redis.call('ZADD', index, now, id)
    advanced = advanced + 1
  end
end
if advanced > 0 then redis.call('PUBLISH', channel, provider) end
return advanced`,
);

/**
 * Begins the cooldown of the provider, or of one `host` of it: no replica exchanges anything there before its end. A
 * later end wins. One that is longer than an hour is probed once an hour by one credential; that of a host, whose
 * credentials are few, ends after an hour at the latest. -> the end
 */
export const coolDown = script(
  "coolDown",
  { keys: ["cooldown", "cooldownProbe", "hostCooldowns"], args: ["channel", "provider", "forMs", "host"] },
  `${NOW}
local known = host == '' and redis.call('GET', cooldown) or host ~= '' and redis.call('HGET', hostCooldowns, host)
if host ~= '' then forMs = math.min(tonumber(forMs), ${COOLDOWN_PROBE_MS}) end
local till = math.max(now + tonumber(forMs), tonumber(known or 0))
if host == '' then
  redis.call('SET', cooldown, string.format('%d', till), 'PX', math.ceil(till - now + 1))
  if till - now > ${COOLDOWN_PROBE_MS} then
    local probeAt = string.format('%d', now + ${COOLDOWN_PROBE_MS})
    redis.call('SET', cooldownProbe, probeAt, 'PX', math.ceil(till - now + 1))
  else redis.call('DEL', cooldownProbe) end
else
  redis.call('HSET', hostCooldowns, host, string.format('%d', till))
  redis.call('PEXPIRE', hostCooldowns, math.max(redis.call('PTTL', hostCooldowns), math.ceil(till - now + 1)))
end
redis.call('PUBLISH', channel, provider)
return till`,
);

/** Ends the cooldowns of the provider and of all of its hosts. -> how many there were */
export const endCooldown = script(
  "endCooldown",
  { keys: ["cooldown", "cooldownProbe", "hostCooldowns"], args: ["channel", "provider"] },
  `${NOW}
local ended = 0
if tonumber(redis.call('GET', cooldown) or 0) > now then ended = 1 end
for _, till in ipairs(redis.call('HVALS', hostCooldowns)) do if tonumber(till) > now then ended = ended + 1 end end
redis.call('DEL', cooldown, cooldownProbe, hostCooldowns)
redis.call('PUBLISH', channel, provider)
return ended`,
);

/**
 * Pauses ids, or the whole provider by the id `*`: what waits is put off until the end. What is under way goes on, and
 * the claim puts off what it re-arms.
 * -> {end, how many}
 */
export const pause = script(
  "pause",
  {
    keys: ["due", "running", "operatorPauses"],
    args: ["channel", "provider", "forMs", "note", "...ids"],
  },
  `${NOW} ${OPERATOR_PAUSES}
local till, paused = now + tonumber(forMs), 0
for _, id in ipairs(ids) do
  local score = redis.call('ZSCORE', due, id)
  if id == '*' then
    putOperatorPause(id, till, 0, note)
    paused = paused + 1
  elseif score then
    local before, was = operatorPauseOf(id)
    if tonumber(score) ~= before or was == 0 then was = tonumber(score) end
    local lease = redis.call('ZSCORE', running, id)
    if lease and tonumber(lease) > now then was = now
    else redis.call('ZADD', due, math.max(was, till), id) end
    putOperatorPause(id, till, was, note)
    paused = paused + 1
  end
end
redis.call('PUBLISH', channel, provider)
return {till, paused}`,
);

/** Ends operators' pauses: what a pause has put off is due as it was before. -> how many were paused */
export const resume = script(
  "resume",
  { keys: ["due", "operatorPauses"], args: ["channel", "provider", "...ids"] },
  `${NOW} ${OPERATOR_PAUSES}
local resumed = 0
for _, id in ipairs(ids) do
  local till, was = operatorPauseOf(id)
  if till > now then resumed = resumed + 1 end
  redis.call('HDEL', operatorPauses, id)
  local score = redis.call('ZSCORE', due, id)
  if score and was > 0 and tonumber(score) == till then redis.call('ZADD', due, was, id) end
end
redis.call('PUBLISH', channel, provider)
return resumed`,
);
