import type { Credential } from "../../../core/credential.ts";
import { formatInstant, parseInstant } from "../../../core/instant.ts";
import { dueIndex } from "../../../queue/due-index.ts";
import { readCredentials } from "../../../queue/views/credentials.ts";
import type { RedisLink } from "../../../queue/redis/link.ts";
import { emptyTarget } from "../../../core/rotation/record.ts";
import { targetKey } from "../../../core/rotation/spec.ts";
import { decodeRecord } from "../../../core/rotation/record-codec.ts";
import type { Io } from "../../io.ts";
import { statesOf } from "../../states.ts";
import { formatRelative, formatTable } from "../../table.ts";
import type { View } from "./view.ts";

/** Everything that Redis knows about one credential. */
export async function credentialView(credential: Credential, redis: RedisLink, io: Io): Promise<View> {
  const document = await credentialDocument(credential, redis, io.now());
  return { healthy: document.healthy, json: document, text: () => credentialTable(document, io.now()) };
}

async function credentialDocument(credential: Credential, redis: RedisLink, now: number) {
  const due = dueIndex(redis, credential.provider);
  const [view] = await readCredentials(redis, { provider: credential.provider, ids: [credential.id] }, now);
  const { nextAt, operatorPause } = view ?? {};
  const record = decodeRecord((await due.record(credential.id)) ?? "");
  const targets = credential.publish.map((target) => {
    const { store, secret, format } = target;
    const held = record?.targets[targetKey(target)] ?? emptyTarget;
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
    state: view === undefined ? "unscheduled" : statesOf(view, now)[0],
    scheduled: nextAt !== undefined,
    healthy: nextAt !== undefined && failure === undefined && targets.every((t) => t.live && t.failures === undefined),
    revision: record?.revision ?? 0,
    ...(record &&
      record.revision > 0 && { issuedAt: formatInstant(record.issuedAt), expiresAt: formatInstant(record.expiresAt) }),
    ...(record?.assumedLife === true && { assumedLife: true }),
    ...(record?.secretPlace !== undefined && { secretPlace: record.secretPlace }),
    ...(nextAt !== undefined && { nextAt: formatInstant(nextAt) }),
    ...(operatorPause !== undefined && {
      pause: {
        until: formatInstant(operatorPause.until),
        by: operatorPause.by,
        ...(operatorPause.reason !== "" && { reason: operatorPause.reason }),
      },
    }),
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
  const { failure, pause } = document;
  const at = (text: string | undefined): string =>
    text === undefined ? "-" : `${text} (${formatRelative(parseInstant(text) ?? now, now)})`;
  const rows = [
    ["credential", document.credential],
    ["provider", document.provider],
    ["state", document.state ?? "-"],
    ["revision", String(document.revision)],
    ["issued", at(document.issuedAt)],
    [
      "expires",
      `${at(document.expiresAt)}${document.assumedLife === true ? ", assumed: the provider states no life" : ""}`,
    ],
    ...(document.secretPlace === undefined ? [] : [["secret", `number ${document.secretPlace} of the list`]]),
    ["next", document.scheduled ? at(document.nextAt) : "not scheduled"],
    ...(pause ? [["paused", `until ${at(pause.until)} by ${pause.by}${pause.reason ? `: ${pause.reason}` : ""}`]] : []),
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
  const head = ["STORE", "SECRET", "FORMAT", "REVISION", "EXPIRES", "FAILURE"];
  return `${formatTable(rows)}\n${formatTable([head, ...targets])}`;
}
