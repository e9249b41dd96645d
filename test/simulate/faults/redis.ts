import type { RedisLink } from "../../../src/queue/redis/link.ts";
import { type Call, type Script, argumentsOf } from "../../../src/queue/scripts/script.ts";

/**
 * A real Redis that runs the real scripts by a virtual clock. TIME, expiries and PUBLISH are taken from the scripts'
 * hands: the instant is the last argument, expiries stand in a sorted set, messages are part of the reply.
 */
export interface SimulatedRedis {
  run(script: Script, call: Call<string, string>, now: number): Promise<Ran>;
  command(args: readonly (string | number)[], now: number): Promise<Ran>;
  flush(): Promise<void>;
  /** Remembers everything, for `restore`. */
  snapshot(): Promise<void>;
  restore(): Promise<void>;
  /** Deletes the keys that the pattern names. */
  forget(pattern: string): Promise<void>;
}

export interface Ran {
  readonly reply: unknown;
  readonly messages: readonly string[];
}

const TTL = "{sim}:ttl";

const BEFORE = `
local simNow = tonumber(table.remove(ARGV))
local raw, messages = redis, {}
for _, key in ipairs(raw.call('ZRANGEBYSCORE', '${TTL}', '-inf', simNow)) do
  raw.call('DEL', key)
  raw.call('ZREM', '${TTL}', key)
end
local function set(key, value, ...)
  local options, kept, ttl, i = {...}, {}, nil, 1
  while i <= #options do
    if string.upper(options[i]) == 'PX' then ttl, i = tonumber(options[i + 1]), i + 2
    else kept[#kept + 1], i = options[i], i + 1 end
  end
  local reply = raw.call('SET', key, value, unpack(kept))
  if reply then
    raw.call('ZREM', '${TTL}', key)
    if ttl then raw.call('ZADD', '${TTL}', simNow + ttl, key) end
  end
  return reply
end
local redis = {call = function(command, ...)
  local name = string.upper(command)
  if name == 'TIME' then
    return {string.format('%d', math.floor(simNow / 1000)), string.format('%d', math.floor(simNow % 1000) * 1000)}
  elseif name == 'PUBLISH' then
    messages[#messages + 1] = select(2, ...)
    return 0
  elseif name == 'SET' then return set(...)
  elseif name == 'PEXPIRE' then
    local key, ms = ...
    if raw.call('EXISTS', key) == 1 then raw.call('ZADD', '${TTL}', simNow + tonumber(ms), key) end
    return 1
  elseif name == 'PTTL' then
    local key = ...
    local at = raw.call('ZSCORE', '${TTL}', key)
    return at and math.max(0, tonumber(at) - simNow) or -1
  elseif name == 'DEL' then raw.call('ZREM', '${TTL}', ...)
  end
  return raw.call(command, ...)
end}
local function body()`;
const AFTER = `
end
local reply = body()
return {messages, reply}`;

const COMMAND = "return redis.call(unpack(ARGV))";

const SNAPSHOT = `
redis.call('SELECT', 1) redis.call('FLUSHDB') redis.call('SELECT', 0)
for _, key in ipairs(redis.call('KEYS', '*')) do redis.call('COPY', key, key, 'DB', 1) end`;
const RESTORE = `
redis.call('FLUSHDB') redis.call('SELECT', 1)
for _, key in ipairs(redis.call('KEYS', '*')) do redis.call('COPY', key, key, 'DB', 0) end`;

export function simulateRedis(link: RedisLink): SimulatedRedis {
  const hashes = new Map<string, Promise<string>>();

  function hashOf(lua: string): Promise<string> {
    const known = hashes.get(lua);
    if (known !== undefined) return known;
    const hash = link.call("SCRIPT", "LOAD", `${BEFORE}\n${lua}\n${AFTER}`) as Promise<string>;
    hashes.set(lua, hash);
    return hash;
  }

  async function runText(lua: string, args: readonly (string | number)[], now: number): Promise<Ran> {
    const reply = await link.call("EVALSHA", await hashOf(lua), ...args, String(Math.floor(now)));
    const [messages, ownReply] = reply as [string[], unknown];
    return { messages, reply: ownReply ?? null };
  }

  return {
    run: (script, call, now) => runText(script.lua, argumentsOf(script, call), now),
    command: (args, now) => runText(COMMAND, [0, ...args], now),
    flush: async () => void (await link.call("FLUSHDB")),
    snapshot: async () => void (await link.call("EVAL", SNAPSHOT, 0)),
    restore: async () => void (await link.call("EVAL", RESTORE, 0)),
    forget: async (pattern) => {
      const keys = (await link.call("KEYS", pattern)) as string[];
      if (keys.length > 0) await link.call("DEL", ...keys);
    },
  };
}
