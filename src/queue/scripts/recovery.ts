import { NOW } from "./prelude.ts";
import { QUOTA } from "./quota.ts";
import { script } from "./script.ts";

/**
 * Arms what the stores are known to hold. Never touches an id that has a record by now, is under a lease, or has a
 * request of an operator. Without a record an id stays due as it is, and the end of its token only decides when its
 * turn comes. `found`: (id dueAt liveUntil record issuedAt)*.
 * The exchange that a token came from counts against the quotas.
 * -> how many got a record
 */
export const rearm = script(
  "rearm",
  { keys: ["due", "running", "state", "expiry", "requests", "quota"], args: ["...found"] },
  `${NOW} ${QUOTA}
local armed = 0
for i = 1, #found, 5 do
  local id, dueAt, liveUntil, record, issuedAt = unpack(found, i, i + 4)
  local lease = redis.call('ZSCORE', running, id)
  if redis.call('ZSCORE', due, id) and redis.call('HEXISTS', state, id) == 0
    and (not lease or tonumber(lease) <= now) and redis.call('HEXISTS', requests, id) == 0 then
    if tonumber(liveUntil) > 0 then redis.call('ZADD', expiry, liveUntil, id) end
    if record ~= '' then
      redis.call('HSET', state, id, record)
      redis.call('ZADD', due, dueAt, id)
      chargeRecovered(tonumber(issuedAt))
      armed = armed + 1
    end
  end
end
return armed`,
);

/** One replica recovers at a time. `ttlMs` 0 lets go. -> 1 it is this one | 0 another one */
export const hold = script(
  "hold",
  { keys: ["recoveryHolder"], args: ["who", "ttlMs"] },
  `
local holder = redis.call('GET', recoveryHolder)
if holder and holder ~= who then return 0 end
if ttlMs == '0' then redis.call('DEL', recoveryHolder) else redis.call('SET', recoveryHolder, who, 'PX', ttlMs) end
return 1`,
);
