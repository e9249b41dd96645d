import { formatDuration } from "../../../core/duration.ts";
import type { Config } from "../../../config/config.ts";
import { fleetShape } from "../../../fleet/roster.ts";
import { formatInstant } from "../../../core/instant.ts";
import type { CountedState } from "../../../core/states.ts";
import { type PauseStatus, type StatusDocument, statusDocument } from "../../../observe/status.ts";
import { type Action, readActions } from "../../../queue/operator-actions.ts";
import type { RedisLink } from "../../../queue/redis/link.ts";
import { takeSnapshot } from "../../../queue/views/snapshot.ts";
import type { Io } from "../../io.ts";
import { formatRelative, formatTable } from "../../table.ts";
import { paintState, type View } from "./view.ts";

const ACTIONS_SHOWN = 5;
const RECENT_MS = 24 * 3600_000;

/** The column in which a provider's state is counted; undefined: only TOTAL counts it. */
const COLUMNS = {
  healthy: "HEALTHY",
  retrying: "RETRYING",
  needs_attention: "ATTENTION",
  paused: "PAUSED",
  pending: "PENDING",
  due: undefined,
  refreshing: undefined,
} as const satisfies Record<CountedState, string | undefined>;

/** The fleet: its providers and stores, what needs attention, what is paused, what operators did. */
export async function fleetView(config: Config, redis: RedisLink, io: Io): Promise<View> {
  const document = statusDocument(await takeSnapshot(redis, fleetShape(config), io.now()));
  const actions = await readActions(redis);
  return {
    healthy: document.healthy,
    json: { ...document, actions: actions.map(({ at, ...rest }) => ({ at: formatInstant(at), ...rest })) },
    text: () => fleetTable(document, actions, io),
  };
}

function fleetTable(document: StatusDocument, actions: readonly Action[], io: Io): string {
  const states = (Object.keys(COLUMNS) as CountedState[]).filter((state) => COLUMNS[state] !== undefined);
  const providers = [
    [
      ...["PROVIDER", "TOTAL", "OVERDUE"],
      ...states.map((state) => COLUMNS[state] ?? ""),
      ...["PAUSED UNTIL", "NEXT EXPIRY", "RUNWAY"],
    ],
    ...document.providers.map((p) => [
      p.provider,
      ...[p.credentials, p.overdue, ...states.map((state) => p.states[state])].map(String),
      p.pausedUntil ?? "-",
      p.earliestExpiresAt ?? "-",
      runwayText(p.runwaySeconds),
    ]),
  ];
  const stores = document.stores.map((s) => [s.store, s.type, String(s.unpublished), runwayText(s.runwaySeconds)]);
  const attention = document.attention.map((a) => [
    a.credential,
    paintState(a.state, io),
    a.class,
    a.code,
    String(a.failures),
    a.nextAt,
    a.expiresAt ?? "-",
  ]);
  const titled = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
    rows.length === 0 ? "" : `\n${formatTable([head, ...rows])}`;
  return [
    `${io.paint(document.healthy ? "good" : "bad", document.verdict)}\n\n`,
    formatTable(providers),
    ...document.providers.flatMap(notesOf),
    titled(["STORE", "TYPE", "UNPUBLISHED", "RUNWAY"], stores),
    titled(["CREDENTIAL", "STATE", "CLASS", "CODE", "FAILURES", "NEXT TRY", "EXPIRES"], attention),
    titled(["PAUSED", "UNTIL", "BY", "WHY"], pausesOf(document)),
    titled(["DONE", "BY", "WHAT", "WHY"], recentRows(actions, io.now())),
  ].join("");
}

/** What holds for a provider for a while, without being a failure. */
function notesOf({ provider, cooling, assumedLives, laterSecrets }: StatusDocument["providers"][number]): string[] {
  const notes = [
    [cooling, "due, and waiting until the provider's pause ends (resume --provider NAME --cooldown ends it)"],
    [assumedLives, "with an assumed life: the provider states none (set lifetime)"],
    [laterSecrets, "obtained with a later client secret of the list: the first one is refused"],
  ] as const;
  return notes.flatMap(([count, what]) => (count === 0 ? [] : [`${provider}: ${count} ${what}\n`]));
}

function runwayText(seconds: number | undefined): string {
  return seconds === undefined ? "-" : formatDuration(1000 * seconds, "brief");
}

/** Paused providers, then paused credentials. */
function pausesOf({ providers, paused }: StatusDocument): string[][] {
  const cells = (what: string, { until, by, reason = "-" }: PauseStatus): string[] => [what, until, by, reason];
  return [
    ...providers.flatMap(({ provider, operatorPause }) =>
      operatorPause === undefined ? [] : [cells(`provider ${provider}`, operatorPause)],
    ),
    ...paused.map((pause) => cells(pause.credential, pause)),
  ];
}

function recentRows(actions: readonly Action[], now: number): string[][] {
  return actions
    .filter(({ at }) => at > now - RECENT_MS)
    .slice(0, ACTIONS_SHOWN)
    .map(({ at, by, action, target, reason }) => [formatRelative(at, now), by, `${action} ${target}`, reason || "-"]);
}
