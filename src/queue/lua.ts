/** Lines that several scripts begin with. Redis has no modules for them. */

export const NOW = `local t = redis.call('TIME') local now = t[1] * 1000 + math.floor(t[2] / 1000)`;

/** Reads schema, liveUntil, dueAt, revision and spec off the front of a record (see record.ts). */
export const FIELDS = `local function fields(s) return string.match(s, '^%[1,(%-?%d+),(%-?%d+),(%d+),"([^"]*)"') end`;

/** Lease of a credential whose consumers hold a live token until \`live\`. */
export const LEASE = `local function leaseFor(live, floor, cap) return math.max(floor, math.min(cap, math.floor((live - now) / 3))) end`;

export const WAKE = `local function wake(id) local first = redis.call('ZRANGE', due, 0, 0) if first[1] == id then redis.call('PUBLISH', ARGV[1], ARGV[2]) end end`;

/** A provider that left so many exchanges in a row unanswered is down: then a probe goes out now and then, and nothing else. */
export const OPEN_AFTER = 5;
/** Longest time between two probes; the end of a live token makes it shorter. */
export const PROBE_MS = 10_000;
