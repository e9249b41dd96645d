import { NOW } from "./prelude.ts";
import { script } from "./script.ts";

/** Evenly spaced slots of a shared budget, at most `aheadMs` from now. -> {ms until the first, how many} */
export const reserve = script(
  "reserve",
  { keys: ["nextSlot"], args: ["count", "intervalMs", "aheadMs"] },
  `${NOW}
intervalMs = tonumber(intervalMs)
local first = math.max(now, tonumber(redis.call('GET', nextSlot) or 0))
local fitting = math.floor((now + tonumber(aheadMs) - first) / intervalMs) + 1
local granted = math.max(0, math.min(tonumber(count), fitting))
if granted > 0 then
  local after = first + granted * intervalMs
  redis.call('SET', nextSlot, string.format('%.3f', after), 'PX', math.ceil(after - now + 1000))
end
return {string.format('%.3f', first - now), granted}`,
);

/** No slot is given out for `forMs`. */
export const backOff = script(
  "backOff",
  { keys: ["nextSlot"], args: ["forMs"] },
  `${NOW}
local till = math.max(now + tonumber(forMs), tonumber(redis.call('GET', nextSlot) or 0))
redis.call('SET', nextSlot, string.format('%.3f', till), 'PX', math.ceil(till - now + 1000))
return 1`,
);
