import { HALT, NOW } from "./prelude.ts";

/**
 * Puts waiting ids off until the pause ends; those under way end as they will, and the claim puts off what they re-arm.
 * KEYS due running halts | ARGV channel provider forMs note id* -> {until, how many}
 */
const halt = `
local due, running, halts = KEYS[1], KEYS[2], KEYS[3] ${NOW} ${HALT}
local till, note, n = now + tonumber(ARGV[3]), ARGV[4], 0
for i = 5, #ARGV do
  local id = ARGV[i]
  local score = redis.call('ZSCORE', due, id)
  if id == '*' then put(id, till, 0, note) n = n + 1
  elseif score then
    local before, was = haltOf(id)
    if tonumber(score) ~= before or was == 0 then was = tonumber(score) end
    local lease = redis.call('ZSCORE', running, id)
    if lease and tonumber(lease) > now then was = now
    else redis.call('ZADD', due, math.max(was, till), id) end
    put(id, till, was, note)
    n = n + 1
  end
end
redis.call('PUBLISH', ARGV[1], ARGV[2])
return {till, n}`;

/** Makes due again as it was what a pause has put off. KEYS due halts | ARGV channel provider id* -> how many were paused */
const resume = `
local due, halts = KEYS[1], KEYS[2] ${NOW} ${HALT}
local n = 0
for i = 3, #ARGV do
  local id = ARGV[i]
  local till, was = haltOf(id)
  if till > now then n = n + 1 end
  redis.call('HDEL', halts, id)
  local score = redis.call('ZSCORE', due, id)
  if score and was > 0 and tonumber(score) == till then redis.call('ZADD', due, was, id) end
end
redis.call('PUBLISH', ARGV[1], ARGV[2])
return n`;

export const operatorScripts = { halt, resume } as const;
