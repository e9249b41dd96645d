import { NOW } from "./prelude.ts";

/**
 * Arms what the stores are known to hold. Never touches what has a record by now, is under a lease, or is wished for by an
 * operator. Without a record an id stays due as it is, and the end of its token only decides when it is its turn.
 * KEYS due running state expiry requests | ARGV (id dueAt liveUntil record)* -> how many got a record
 */
const rearm = `
local due, running, state = KEYS[1], KEYS[2], KEYS[3] ${NOW}
local armed = 0
for i = 1, #ARGV, 4 do
  local id, lease = ARGV[i], redis.call('ZSCORE', running, ARGV[i])
  if redis.call('ZSCORE', due, id) and redis.call('HEXISTS', state, id) == 0 and (not lease or tonumber(lease) <= now)
    and redis.call('HEXISTS', KEYS[5], id) == 0 then
    if tonumber(ARGV[i + 2]) > 0 then redis.call('ZADD', KEYS[4], ARGV[i + 2], id) end
    if ARGV[i + 3] ~= '' then
      redis.call('HSET', state, id, ARGV[i + 3]) redis.call('ZADD', due, ARGV[i + 1], id)
      armed = armed + 1
    end
  end
end
return armed`;

/** One replica at a time. KEYS holder | ARGV who ttlMs (0: lets go) -> 1 it is mine | 0 somebody else's */
const hold = `
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
if ARGV[2] == '0' then redis.call('DEL', KEYS[1]) else redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2]) end
return 1`;

export const recoveryScripts = { rearm, hold } as const;
