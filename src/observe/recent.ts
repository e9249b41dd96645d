import type { Instant } from "../core/credential.ts";
import { type EventName, type Fields, type Level, events } from "./events.ts";
import type { Log } from "./log.ts";

/** A log line as the status page shows it. */
export interface RecentEvent {
  readonly at: Instant;
  readonly level: Level;
  readonly event: EventName;
  readonly message: string;
  /** Allow-listed facts of the line, by the same names. */
  readonly fields: Readonly<Record<string, string | number | boolean>>;
}

/** What this replica has seen lately. It costs the same whatever happens. */
export interface Recent {
  /** The same log; what passes through it is remembered, whatever `log.level` lets out. */
  wrapLog(log: Log): Log;
  /** At most 50, the newest first. */
  events(): readonly RecentEvent[];
  /** Stores that do not answer this replica, and since when. */
  storesDown(): ReadonlyMap<string, Instant>;
}

/**
 * So many of each kind are kept in any case, 50 in all: neither a fleet that rotates 30 times a second nor an outage of a
 * provider may push out that a store went down.
 */
const KEPT = { lifecycle: 20, failure: 20, success: 10 } as const;
type Kind = keyof typeof KEPT;
const ALL = Object.values(KEPT).reduce((a, b) => a + b, 0);

const SHOWN = new Set([
  "credential",
  "provider",
  "store",
  "outcome",
  "reason",
  "attempt",
  "revision",
  "timeliness",
  "expires_at",
  "next_at",
  "error_class",
  "error_code",
  "error_message",
  "http_status",
  "failures",
  "active",
  "listen",
  "providers",
  "stores",
  "credentials",
  "added",
  "changed",
  "removed",
  "start_ms",
  "file",
  "line",
  "code",
  "type",
  "detail",
  "hash",
  "folder",
  "keys",
]);
const LONGEST = 300;

export function makeRecent(now: () => Instant): Recent {
  /** The oldest first. */
  const kept: RecentEvent[] = [];
  const down = new Map<string, Instant>();

  function note(event: EventName, fields: Fields, level: Level): void {
    const { store } = fields;
    if (event === "store.recovered") down.delete(String(store));
    if (event === "store.unreachable" && !down.has(String(store))) down.set(String(store), now());
    if (level === "debug" || level === "trace") return;
    kept.push({ at: now(), level, event, message: events[event][1], fields: shown(fields) });
    if (kept.length <= ALL) return;
    const counts = { lifecycle: 0, failure: 0, success: 0 };
    for (const each of kept) counts[kindOf(each)] += 1;
    const oldest = kept.findIndex((each) => counts[kindOf(each)] > KEPT[kindOf(each)]);
    kept.splice(oldest, 1);
  }

  return {
    wrapLog: (log) => ({
      ...log,
      event(name, fields = {}, level = events[name][0]) {
        note(name, fields, level);
        log.event(name, fields, level);
      },
    }),
    events: () => kept.toReversed(),
    storesDown: () => down,
  };
}

function kindOf({ event, level }: RecentEvent): Kind {
  if (!event.startsWith("rotation.")) return "lifecycle";
  return level === "info" ? "success" : "failure";
}

function shown(fields: Fields): RecentEvent["fields"] {
  const kept: Record<string, string | number | boolean> = {};
  for (const [name, value] of Object.entries(fields)) {
    if (!SHOWN.has(name)) continue;
    if (Array.isArray(value)) kept[name] = value.map(String).join(", ").slice(0, LONGEST);
    if (typeof value === "string") kept[name] = value.slice(0, LONGEST);
    if (typeof value === "number" || typeof value === "boolean") kept[name] = value;
  }
  const failed = failedTargets(fields["targets"]);
  return failed === "" ? kept : { ...kept, targets: failed };
}

/** `STORE/SECRET: CLASS CODE`, of each target that failed. */
function failedTargets(targets: unknown): string {
  if (!Array.isArray(targets)) return "";
  const failed = (targets as Readonly<Record<string, unknown>>[]).filter((target) => target["result"] === "failed");
  return failed
    .map((t) => `${String(t["store"])}/${String(t["secret"])}: ${String(t["error_class"])} ${String(t["error_code"])}`)
    .join(", ")
    .slice(0, LONGEST);
}
