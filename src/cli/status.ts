import type { Config } from "../config/config.ts";
import type { Credential } from "../credential.ts";
import { fleetShape } from "../fleet-shape.ts";
import { formatInstant, parseInstant } from "../instant.ts";
import { type StatusDocument, statusDocument } from "../observe/status.ts";
import { dueIndex } from "../queue/due-index.ts";
import type { RedisLink } from "../queue/redis.ts";
import { takeSnapshot } from "../queue/snapshot.ts";
import { decodeRecord, emptyTarget, targetKey } from "../record.ts";
import { CommandError, type Invocation, exitCode } from "./command.ts";
import { readConfig } from "./configuration.ts";
import type { Io } from "./io.ts";
import { withRedis } from "./link.ts";
import type { ConfigOption } from "./options.ts";
import { relative, span, table } from "./table.ts";

interface StatusOptions extends ConfigOption {
  readonly output: "table" | "json";
}

export async function statusCommand({ args: [id], options, io }: Invocation<StatusOptions>): Promise<number> {
  const { config } = await readConfig(options.config, io);
  return withRedis(config, io, (redis) =>
    id === undefined
      ? fleetStatus(config, redis, options.output, io)
      : credentialStatus(config, redis, id, options.output, io),
  );
}

/** `evertoken status`: the fleet in one look. Exit code 3 when somebody must act. */
async function fleetStatus(config: Config, redis: RedisLink, output: "table" | "json", io: Io): Promise<number> {
  const document = statusDocument(await takeSnapshot(redis, fleetShape(config), io.now()));
  io.out(output === "json" ? `${JSON.stringify(document, undefined, 2)}\n` : fleetTable(document));
  return document.healthy ? exitCode.ok : exitCode.unhealthy;
}

function fleetTable(document: StatusDocument): string {
  const text = (value: unknown): string =>
    typeof value === "string" || typeof value === "number" ? String(value) : "-";
  const runway = (seconds: unknown): string => (typeof seconds === "number" ? span(seconds) : "-");
  const providers = document.providers.map((p) => {
    const states = p["states"] as Record<string, number>;
    return [
      text(p["provider"]),
      ...["credentials", "overdue"].map((key) => text(p[key])),
      ...["healthy", "retrying", "needs_attention", "pending"].map((key) => text(states[key])),
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
    ...["credential", "state", "class", "code", "failures", "nextAt"].map((key) => text(a[key])),
    text(a["expiresAt"]),
  ]);
  return [
    `${document.verdict}\n\n`,
    table([head, ...providers]),
    "\n",
    table([["STORE", "TYPE", "UNPUBLISHED", "RUNWAY"], ...stores]),
    ...(attention.length === 0
      ? []
      : ["\n", table([["CREDENTIAL", "STATE", "CLASS", "CODE", "FAILURES", "NEXT TRY", "EXPIRES"], ...attention])]),
  ].join("");
}

/** `evertoken status <id>`: everything known of one credential. Exit code 3 when it is failing or its token is dead. */
async function credentialStatus(
  config: Config,
  redis: RedisLink,
  id: string,
  output: "table" | "json",
  io: Io,
): Promise<number> {
  const credential = config.credentials.find((c) => c.id === id);
  if (credential === undefined) throw new CommandError(`no credential "${id}" in the configuration`, exitCode.usage);
  const document = await credentialDocument(credential, redis, io.now());
  io.out(output === "json" ? `${JSON.stringify(document, undefined, 2)}\n` : credentialTable(document, io.now()));
  return document.healthy ? exitCode.ok : exitCode.unhealthy;
}

async function credentialDocument(credential: Credential, redis: RedisLink, now: number) {
  const due = dueIndex(redis, credential.provider);
  const score = await redis.call("ZSCORE", due.keys.due, credential.id);
  const record = decodeRecord((await due.record(credential.id)) ?? "");
  const targets = credential.publish.map(({ store, secret, format }) => {
    const held = record?.targets[targetKey({ store, secret, format })] ?? emptyTarget;
    return {
      store,
      secret,
      format,
      revision: held.revision,
      ...(held.expiresAt > 0 && { expiresAt: formatInstant(held.expiresAt) }),
      ...(held.failures > 0 && {
        failures: held.failures,
        class: held.failure?.[0] ?? "",
        code: held.failure?.[1] ?? "",
        retryAt: formatInstant(held.retryAt),
      }),
      live: held.expiresAt > now,
    };
  });
  const failure = record?.failure;
  return {
    schemaVersion: 1 as const,
    credential: credential.id,
    provider: credential.provider,
    scheduled: score !== null,
    healthy: score !== null && failure === undefined && targets.every((t) => t.live && t.failures === undefined),
    revision: record?.revision ?? 0,
    ...(record &&
      record.revision > 0 && { issuedAt: formatInstant(record.issuedAt), expiresAt: formatInstant(record.expiresAt) }),
    ...(score !== null && { nextAt: formatInstant(Number(score)) }),
    ...(failure && {
      failure: {
        class: failure.class,
        code: failure.code,
        failures: failure.failures,
        since: formatInstant(failure.since),
        reason: failure.reason,
      },
    }),
    targets,
  };
}

function credentialTable(document: Awaited<ReturnType<typeof credentialDocument>>, now: number): string {
  const { failure } = document;
  const at = (text: string | undefined): string =>
    text === undefined ? "-" : `${text} (${relative(parseInstant(text) ?? now, now)})`;
  const rows = [
    ["credential", document.credential],
    ["provider", document.provider],
    ["revision", String(document.revision)],
    ["issued", at(document.issuedAt)],
    ["expires", at(document.expiresAt)],
    ["next", document.scheduled ? at(document.nextAt) : "not scheduled"],
    ...(failure
      ? [["failing", `${failure.class} ${failure.code}, ${failure.failures} times since ${failure.since}`]]
      : []),
  ];
  const targets = document.targets.map((t) => [
    t.store,
    t.secret,
    t.format,
    String(t.revision),
    t.expiresAt ?? "-",
    t.code ?? "-",
  ]);
  return `${table(rows)}\n${table([["STORE", "SECRET", "FORMAT", "REVISION", "EXPIRES", "FAILURE"], ...targets])}`;
}
