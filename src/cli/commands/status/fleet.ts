import { formatDuration } from "../../../core/duration.ts";
import type { Config } from "../../../config/config.ts";
import { fleetShape } from "../../../fleet/shape.ts";
import { formatInstant } from "../../../core/instant.ts";
import { type StatusDocument, statusDocument } from "../../../observe/status.ts";
import { type Action, recentActions } from "../../../queue/operator-actions.ts";
import type { RedisLink } from "../../../queue/redis/link.ts";
import { takeSnapshot } from "../../../queue/views/snapshot.ts";
import type { Io } from "../../io.ts";
import { relative, table } from "../../table.ts";
import { painted, type View } from "./view.ts";

const ACTIONS_SHOWN = 5;
const RECENT_MS = 24 * 3600_000;

/** The fleet in one look. */
export async function fleetView(config: Config, redis: RedisLink, io: Io): Promise<View> {
  const document = statusDocument(await takeSnapshot(redis, fleetShape(config), io.now()));
  const actions = await recentActions(redis);
  return {
    healthy: document.healthy,
    json: { ...document, actions: actions.map(({ at, ...rest }) => ({ at: formatInstant(at), ...rest })) },
    text: () => fleetTable(document, actions, io),
  };
}

function fleetTable(document: StatusDocument, actions: readonly Action[], io: Io): string {
  const text = (value: unknown): string =>
    typeof value === "string" || typeof value === "number" ? String(value) : "-";
  const runway = (seconds: unknown): string =>
    typeof seconds === "number" ? formatDuration(1000 * seconds, "brief") : "-";
  const providers = document.providers.map((p) => {
    const states = p["states"] as Record<string, number>;
    return [
      text(p["provider"]),
      ...["credentials", "overdue"].map((key) => text(p[key])),
      ...["healthy", "retrying", "needs_attention", "paused", "pending"].map((key) => text(states[key])),
      text(p["pausedUntil"]),
      text(p["earliestExpiresAt"]),
      runway(p["runwaySeconds"]),
    ];
  });
  const head = [
    "PROVIDER",
    "TOTAL",
    "OVERDUE",
    "HEALTHY",
    "RETRYING",
    "ATTENTION",
    "PAUSED",
    "PENDING",
    "PAUSED UNTIL",
    "NEXT EXPIRY",
    "RUNWAY",
  ];
  const stores = document.stores.map((s) => [
    ...["store", "type", "unpublished"].map((key) => text(s[key])),
    runway(s["runwaySeconds"]),
  ]);
  const attention = document.attention.map((a) => [
    text(a["credential"]),
    painted(text(a["state"]), io),
    ...["class", "code", "failures", "nextAt", "expiresAt"].map((key) => text(a[key])),
  ]);
  const titled = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
    rows.length === 0 ? "" : `\n${table([head, ...rows])}`;
  return [
    `${io.paint(document.healthy ? "good" : "bad", document.verdict)}\n\n`,
    table([head, ...providers]),
    titled(["STORE", "TYPE", "UNPUBLISHED", "RUNWAY"], stores),
    titled(["CREDENTIAL", "STATE", "CLASS", "CODE", "FAILURES", "NEXT TRY", "EXPIRES"], attention),
    titled(["PAUSED", "UNTIL", "BY", "WHY"], pausesOf(document)),
    titled(["DONE", "BY", "WHAT", "WHY"], recent(actions, io.now())),
  ].join("");
}

/** Whole providers first. */
function pausesOf(document: StatusDocument): string[][] {
  const cells = (what: string, pause: Readonly<Record<string, unknown>>): string[] => [
    what,
    ...["until", "by", "reason"].map((key) => (typeof pause[key] === "string" ? pause[key] : "-")),
  ];
  return [
    ...document.providers.flatMap(({ provider, operatorPause }) =>
      operatorPause === undefined
        ? []
        : [cells(`provider ${String(provider)}`, operatorPause as Readonly<Record<string, unknown>>)],
    ),
    ...document.paused.map((pause) => cells(String(pause["credential"]), pause)),
  ];
}

function recent(actions: readonly Action[], now: number): string[][] {
  return actions
    .filter(({ at }) => at > now - RECENT_MS)
    .slice(0, ACTIONS_SHOWN)
    .map(({ at, by, action, target, reason }) => [relative(at, now), by, `${action} ${target}`, reason || "-"]);
}
