import type { Instant } from "../core/credential.ts";
import { type EventName, type Fields, type Level, events } from "./events.ts";
import type { Log } from "./log.ts";

/** A log line as the status page shows it. */
export interface RecentEvent {
  readonly at: Instant;
  readonly level: Level;
  readonly event: EventName;
  readonly message: string;
  /** The allow-listed facts of the line, under the same names. */
  readonly fields: Readonly<Record<string, string | number | boolean>>;
}

/** The last events of this replica. Its memory is bounded, however much happens. */
export interface Recent {
  /** The same log, which also remembers its events: those from `info` on, whatever `log.level` prints. */
  wrapLog(log: Log): Log;
  /** At most 50, newest first. */
  events(): readonly RecentEvent[];
  /** Stores that do not answer this replica, and since when. */
  storesDown(): ReadonlyMap<string, Instant>;
}

/**
 * How many events of each kind are always kept, 50 in all. A fleet that rotates 30 times a second, or a provider that
 * is down, must not push out the event that a store went down.
 */
const KEPT = { lifecycle: 20, failure: 20, success: 10 } as const;
type Kind = keyof typeof KEPT;
const TOTAL = Object.values(KEPT).reduce((a, b) => a + b, 0);

const SHOWN_FIELDS = new Set([
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
const LENGTH_MAX = 300;

export function makeRecent(now: () => Instant): Recent {
  /** Oldest first. */
  const kept: RecentEvent[] = [];
  const down = new Map<string, Instant>();

  function remember(event: EventName, fields: Fields, level: Level): void {
    const { store } = fields;
    if (event === "store.recovered") down.delete(String(store));
    if (event === "store.unreachable" && !down.has(String(store))) down.set(String(store), now());
    if (level === "debug" || level === "trace") return;
    kept.push({ at: now(), level, event, message: events[event][1], fields: shownFields(fields) });
    if (kept.length <= TOTAL) return;
    const counts = { lifecycle: 0, failure: 0, success: 0 };
    for (const each of kept) counts[kindOf(each)] += 1;
    const oldest = kept.findIndex((each) => counts[kindOf(each)] > KEPT[kindOf(each)]);
    kept.splice(oldest, 1);
  }

  return {
    wrapLog: (log) => ({
      ...log,
      event(name, fields = {}, level = events[name][0]) {
        remember(name, fields, level);
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

function shownFields(fields: Fields): RecentEvent["fields"] {
  const kept: Record<string, string | number | boolean> = {};
  for (const [name, value] of Object.entries(fields)) {
    if (!SHOWN_FIELDS.has(name)) continue;
    if (Array.isArray(value)) kept[name] = value.map(String).join(", ").slice(0, LENGTH_MAX);
    if (typeof value === "string") kept[name] = value.slice(0, LENGTH_MAX);
    if (typeof value === "number" || typeof value === "boolean") kept[name] = value;
  }
  const failed = listFailedTargets(fields["targets"]);
  return failed === "" ? kept : { ...kept, targets: failed };
}

/** `STORE/SECRET: CLASS CODE` for each target that failed. */
function listFailedTargets(targets: unknown): string {
  if (!Array.isArray(targets)) return "";
  const failed = (targets as Readonly<Record<string, unknown>>[]).filter((target) => target["result"] === "failed");
  return failed
    .map((t) => `${String(t["store"])}/${String(t["secret"])}: ${String(t["error_class"])} ${String(t["error_code"])}`)
    .join(", ")
    .slice(0, LENGTH_MAX);
}
