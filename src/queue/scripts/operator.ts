import { NOW, OPERATOR_PAUSES, WAKE } from "./prelude.ts";
import { script } from "./script.ts";

/**
 * Leaves the mark of an operator's request and makes the credential due, where it is not under way. `kind`: "" asks for a
 * rotation, "p" for what is sealed to be published; a rotation serves both. -> now | -1 unknown id | -until paused
 */
export const request = script(
  "request",
  {
    keys: ["due", "running", "requests", "operatorPauses"],
    args: ["channel", "provider", "id", "kind"],
  },
  `${NOW} ${WAKE} ${OPERATOR_PAUSES}
if not redis.call('ZSCORE', due, id) then return -1 end
local till = math.max(operatorPauseOf('*'), (operatorPauseOf(id)))
if till > now then return -till end
redis.call(kind == '' and 'HSET' or 'HSETNX', requests, id, kind .. string.format('%d', now))
local lease = redis.call('ZSCORE', running, id)
if not lease or tonumber(lease) <= now then
  redis.call('ZADD', due, 'XX', now, id)
  wake(id)
end
return now`,
);

/** Makes waiting ids due now, leaving those under way alone. -> how many */
export const advance = script(
  "advance",
  { keys: ["due", "running"], args: ["channel", "provider", "...ids"] },
  `${NOW}
local advanced = 0
for _, id in ipairs(ids) do
  local score = redis.call('ZSCORE', due, id)
  if score and tonumber(score) > now and not redis.call('ZSCORE', running, id) then
    redis.call('ZADD', due, now, id)
    advanced = advanced + 1
  end
end
if advanced > 0 then redis.call('PUBLISH', channel, provider) end
return advanced`,
);

/** Begins the provider's cooldown: no replica claims or sends anything before its end. A later end wins. -> the end */
export const coolDown = script(
  "coolDown",
  { keys: ["cooldown"], args: ["channel", "provider", "forMs"] },
  `${NOW}
local till = math.max(now + tonumber(forMs), tonumber(redis.call('GET', cooldown) or 0))
redis.call('SET', cooldown, string.format('%d', till), 'PX', math.ceil(till - now + 1))
redis.call('PUBLISH', channel, provider)
return till`,
);

/**
 * Pauses ids, or the whole provider by the id `*`: what waits is put off until the end. What is under way goes on, and the
 * claim puts off what it re-arms. -> {end, how many}
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
