import { SPEC_DIGITS } from "../../core/rotation/spec.ts";
import { NOW, RECORD_DUE } from "./prelude.ts";
import { script } from "./script.ts";

/**
 * Reads records of both formats (see core/rotation/record-codec.ts). `fields`: the last digits of the spec, the
 * revision, the text of the targets and the form in which it names a target; nothing for a record of an unknown
 * format. `lacks`: is one of the targets not in the text?
 */
const RECORDS = `
local function lastOf(spec) return string.sub(spec, -${SPEC_DIGITS}) end
local function fields(record)
  local spec, revision, targets = string.match(record, '^2..................(.......)(%w+)(.*)$')
  if spec then return spec, tonumber(revision, 36), targets, ' %s:' end
  revision, spec, targets = string.match(record, '^%[1,%-?%d+,%-?%d+,(%d+),"([^"]*)"(.*)$')
  return spec and lastOf(spec), tonumber(revision), targets, '"%s":['
end
local function lacks(targets, keys, form)
  for key in string.gmatch(keys, '%S+') do
    if not string.find(targets, string.format(form, key), 1, true) then return true end
  end
  return false
end`;

/**
 * Registers credentials. What is registered, and now has another spec or a target that does not hold its token, is due
 * now; what is missing is due when its record says. `specs`: JSON of [id, "spec target*", ...].
 * `busy`: those that differ and are under way; they must be compared once more. -> {added, changed, busy}
 */
export const register = script(
  "register",
  { keys: ["due", "running", "publishing", "state"], args: ["channel", "provider", "specs"] },
  `${NOW} ${RECORD_DUE} ${RECORDS}
local all, ids, missing, changed, busy = cjson.decode(specs), {}, {}, {}, 0
for i = 1, #all, 2 do ids[#ids + 1] = all[i] end
local records = redis.call('HMGET', state, unpack(ids))
local scores = redis.call('ZMSCORE', due, unpack(ids))
for i, id in ipairs(ids) do
  local knownSpec, revision, held, form
  if records[i] then knownSpec, revision, held, form = fields(records[i]) end
  local differs = false
  if knownSpec then
    local spec, targets = string.match(all[2 * i], '^(%S*) ?(.*)$')
    differs = knownSpec ~= lastOf(spec) or (revision > 0 and lacks(held, targets, form))
  end
  local underWay = differs and redis.call('ZSCORE', running, id)
  if underWay then busy = busy + 1
  elseif differs then
    changed[#changed + 1] = now
    changed[#changed + 1] = id
  elseif not scores[i] then
    local lease = redis.call('ZSCORE', running, id) or redis.call('ZSCORE', publishing, id)
    missing[#missing + 1] = math.max(tonumber(lease or 0), tonumber(knownSpec and dueOf(records[i]) or now))
    missing[#missing + 1] = id
  end
end
local added = #missing > 0 and redis.call('ZADD', due, unpack(missing)) or 0
if #changed > 0 then redis.call('ZADD', due, unpack(changed)) end
if added + #changed > 0 then redis.call('PUBLISH', channel, provider) end
return {added, #changed / 2, busy}`,
);

/**
 * Forgets credentials; a job that is under way still publishes its token. `sealed`: the keys of their sealed tokens, in
 * the order of the ids. -> how many ids
 */
export const remove = script(
  "remove",
  {
    keys: [
      "due",
      "waiting",
      "healthy",
      "state",
      "expiry",
      "failing",
      "requests",
      "history",
      "operatorPauses",
      "assumed",
      "laterSecrets",
      "...sealed",
    ],
    args: ["...ids"],
  },
  `
for i, id in ipairs(ids) do
  for _, index in ipairs({due, waiting, healthy, expiry, assumed, laterSecrets}) do
    redis.call('ZREM', index, id)
  end
  for _, hash in ipairs({state, failing, requests, history, operatorPauses}) do redis.call('HDEL', hash, id) end
  redis.call('DEL', sealed[i])
end
return #ids`,
);

/** How many configurations that are in force no more are remembered, and for how long. */
const SUPERSEDED = { kept: 20, ms: 30 * 86_400_000 } as const;

/**
 * Which configuration is in force while replicas run different ones: the newest, for as long as a replica runs it.
 * `claim`: 1 wins over another configuration of the same instant.
 *
 * `found`: 1 where the replica found the configuration at its start. Then a newer file may be an older configuration:
 * a pod of before that is scheduled anew in a roll-out mounts its old file now. One that another has superseded before
 * waits until no replica runs that other one.
 * -> 1 this one is in force | 0 another one is
 */
export const configure = script(
  "configure",
  { keys: ["config", "superseded"], args: ["hash", "since", "ttlMs", "claim", "found"] },
  `
local knownSince, knownHash = string.match(redis.call('GET', config) or '', '^(%d+) (%x+)$')
if knownHash == hash then
  if tonumber(knownSince) > tonumber(since) then since = knownSince end
elseif knownHash and found == '1' and redis.call('ZSCORE', superseded, hash) then return 0
elseif knownHash
  and (tonumber(knownSince) > tonumber(since) or (knownSince == since and claim == '0')) then return 0 end
if knownHash and knownHash ~= hash then
  redis.call('ZADD', superseded, since, knownHash)
  redis.call('ZREMRANGEBYRANK', superseded, 0, -${SUPERSEDED.kept + 1})
  redis.call('PEXPIRE', superseded, ${SUPERSEDED.ms})
end
redis.call('ZREM', superseded, hash)
redis.call('SET', config, since .. ' ' .. hash, 'PX', ttlMs)
return 1`,
);
