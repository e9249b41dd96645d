import { mkdir, readFile } from "node:fs/promises";
import { Ajv } from "ajv";
import { afterEach, describe, expect, test } from "vitest";
import { Secret } from "../../src/core/credential.ts";
import { exchangeErrorClasses } from "../../src/core/policy/error-classes.ts";
import type { Outcome } from "../../src/core/rotation/outcome.ts";
import { type EventName, events } from "../../src/observe/events.ts";
import { makeLog } from "../../src/observe/log.ts";
import { makeMetrics } from "../../src/observe/metrics.ts";
import { makeRecorder } from "../../src/observe/recorder.ts";
import { configurationOf, configuredCredential, quick } from "../fakes/configuration.ts";
import { makeSite } from "../fakes/daemon.ts";
import { json, startTokenEndpoint, token } from "../fakes/token-endpoint.ts";

interface Schema {
  readonly definitions: { readonly rotation: { readonly error_class: { readonly enum: readonly string[] } } };
  readonly oneOf: readonly { readonly properties: { readonly event: { readonly const: string } } }[];
}

const schema = JSON.parse(
  await readFile(new URL("../../src/observe/log-events.schema.json", import.meta.url), "utf8"),
) as Schema;
const validate = new Ajv({ allErrors: false }).compile(schema);

function problemsOf(line: unknown): unknown {
  return validate(line) ? undefined : { line, errors: validate.errors?.slice(-3) };
}

const lines: Record<string, unknown>[] = [];
afterEach(() => {
  lines.length = 0;
});
const options = { level: "trace", format: "json", version: "1.2.3", instance: "host:1" } as const;
const log = makeLog({ ...options, write: (text) => void lines.push(JSON.parse(text) as Record<string, unknown>) });
const record = makeRecorder(log, makeMetrics({ version: "1", nodeVersion: "1" }), {
  random: () => 0.5,
  share: () => 1,
  isDown: (store) => store === "down",
});

test("fields with the names of secrets are redacted at every depth, although no event has any", () => {
  const secret = new Secret("s3cret");
  log.event("app.started", {
    listen: "x",
    token: "s3cret",
    secret,
    detail: { client_secret: "s3cret", token_type: "Bearer" },
    targets: [{ store: "aws", payload: { access_token: "s3cret" } }, "plain"],
  });
  expect(lines[0]).toMatchObject({
    listen: "x",
    token: "[redacted]",
    secret: "[redacted]",
    detail: { client_secret: "[redacted]", token_type: "Bearer" },
    targets: [{ store: "aws", payload: "[redacted]" }, "plain"],
  });
  expect(JSON.stringify(lines)).not.toContain("s3cret");
});

const base = {
  rotationId: "r",
  jobId: "j",
  credential: "acme",
  provider: "p",
  revision: 2,
  attempt: 1,
  waitMs: 3,
  durationMs: 4,
  warnings: [],
  targets: [],
} satisfies Partial<Outcome>;
const life = { issuedAt: 1_700_000_000_000, expiresAt: 1_700_003_600_000, nextAt: 1_700_002_700_000 };
const written = { store: "s", secret: "x", result: "written", durationMs: 1, version: "7", pruned: 1 } as const;
const failed = {
  store: "s",
  secret: "x",
  result: "failed",
  durationMs: 1,
  retryAt: 1_700_000_001_000,
  error: { class: "unavailable", code: "ECONNREFUSED", message: "the store did not answer" },
} as const;
const errorOf = (className: NonNullable<Outcome["error"]>["class"]) => ({
  class: className,
  code: "invalid_client",
  message: "m",
  status: 401,
});

const outcomes: readonly (readonly [string, Outcome, EventName, string])[] = [
  [
    "rotated",
    {
      ...base,
      ...life,
      result: "rotated",
      reason: "NearingExpiry",
      timeliness: "on_time",
      exchangeMs: 2,
      targets: [written],
      warnings: ["expires_in_string"],
    },
    "rotation.succeeded",
    "info",
  ],
  [
    "published",
    { ...base, ...life, result: "published", timeliness: "late", targets: [written] },
    "rotation.succeeded",
    "info",
  ],
  [
    "unpublished",
    { ...base, ...life, result: "unpublished", reason: "Expired", targets: [failed] },
    "rotation.unpublished",
    "warn",
  ],
  [
    "unpublished, refused for good",
    {
      ...base,
      ...life,
      result: "unpublished",
      targets: [written, { ...failed, error: { class: "permanent", code: "AccessDeniedException", message: "m" } }],
    },
    "rotation.unpublished",
    "error",
  ],
  [
    "unpublished again, and a line of its own says that the store is down",
    { ...base, ...life, result: "unpublished", attempt: 2, targets: [written, { ...failed, store: "down" }] },
    "rotation.unpublished",
    "debug",
  ],
  [
    "unpublished again, and not only in the store that is down",
    { ...base, ...life, result: "unpublished", attempt: 2, targets: [failed, { ...failed, store: "down" }] },
    "rotation.unpublished",
    "warn",
  ],
  [
    "unpublished for the first time, because a store is down",
    {
      ...base,
      ...life,
      result: "unpublished",
      reason: "Expired",
      exchangeMs: 1,
      targets: [{ ...failed, store: "down" }],
    },
    "rotation.unpublished",
    "warn",
  ],
  ["recovered", { ...base, ...life, result: "recovered" }, "rotation.recovered", "info"],
  ["skipped", { ...base, result: "skipped", skip: "NotDue", revision: 0, nextAt: 5 }, "rotation.skipped", "debug"],
  ["failed, transient", { ...base, ...life, result: "failed", error: errorOf("transient") }, "rotation.failed", "warn"],
  [
    "failed, throttled",
    { ...base, nextAt: 5, result: "failed", error: { ...errorOf("throttled"), retryAfterMs: 1000 } },
    "rotation.failed",
    "warn",
  ],
  [
    "failed, throttled until just before its token dies",
    { ...base, ...life, nextAt: life.expiresAt - 1, result: "failed", error: errorOf("throttled") },
    "rotation.failed",
    "warn",
  ],
  [
    "failed, throttled until its token dies",
    { ...base, ...life, nextAt: life.expiresAt, result: "failed", error: errorOf("throttled") },
    "rotation.failed",
    "error",
  ],
  ["failed, config", { ...base, nextAt: 5, result: "failed", error: errorOf("config") }, "rotation.failed", "error"],
  ["failed, secret", { ...base, nextAt: 5, result: "failed", error: errorOf("secret") }, "rotation.failed", "error"],
];

describe("the log", () => {
  test("has a schema that lists every event and no other", () => {
    const listed = schema.oneOf.map((each) => each.properties.event.const);
    expect(listed.toSorted()).toEqual(Object.keys(events).toSorted());
  });

  test("has a schema that lists every class of exchange errors and no other", () => {
    expect(schema.definitions.rotation.error_class.enum).toEqual(Object.keys(exchangeErrorClasses));
  });

  test.each(outcomes)(
    "has exactly one line for an outcome, with its level and valid by the schema: %s",
    (_, outcome, event, level) => {
      record(outcome);
      expect(lines).toHaveLength(1);
      expect(lines[0]).toMatchObject({
        event,
        level,
        service: "evertoken",
        version: "1.2.3",
        instance: "host:1",
        credential: "acme",
      });
      expect(problemsOf(lines[0])).toBeUndefined();
    },
  );

  test("does not validate with a field that is not in the schema", () => {
    log.event("app.ready", { start_ms: 1, access_token: "x" });
    expect(problemsOf(lines[0])).toBeDefined();
  });

  test("has instants as text in UTC", () => {
    record(outcomes[0]?.[1] as Outcome);
    expect(lines[0]).toMatchObject({ expires_at: "2023-11-14T23:13:20Z", next_at: "2023-11-14T22:58:20Z" });
  });

  test("redacts fields that no event should have, as a second line of defence", () => {
    const names = ["access_token", "refresh_token", "client_secret", "password", "authorization", "token"];
    for (const name of names) log.event("app.ready", { [name]: "canary", nested: { [name]: "canary" } });
    expect(lines).toHaveLength(names.length);
    expect(JSON.stringify(lines)).not.toContain("canary");
  });

  test("never serializes an error, whose members may hold a secret", () => {
    log.event("app.fault", {
      err: new Error("canary"),
      error: Object.assign(new Error("canary"), { secret: "canary" }),
    });
    expect(JSON.stringify(lines)).not.toContain("canary");
  });

  test("changes its level at run time", () => {
    log.setLevel("error");
    log.event("redis.connected");
    log.setLevel("trace");
    log.event("redis.connected");
    expect(lines).toHaveLength(1);
  });
});

test("every line of a real daemon is valid by the schema, through success, failure and shutdown", async () => {
  await using provider = await startTokenEndpoint();
  await using site = await makeSite();
  await site.write("secret", "s3cret");
  const bad = configuredCredential("bad", { clientSecret: { file: "missing" } });
  await site.configure(
    configurationOf(provider.url, [], {
      log: { level: "trace" },
      defaults: { ...quick, consumerCache: "2s" },
      stores: { local: { type: "file", dir: "tokens" }, unused: { type: "file", dir: "unused" } },
      credentials: [configuredCredential("good"), bad, configuredCredential("blocked")],
    }),
  );
  await mkdir(site.path("tokens/blocked"), { recursive: true });
  provider.otherwise(token({ expires_in: "3" }));
  const daemon = await site.start();
  await daemon.line((line) => line.event === "rotation.unpublished");
  await daemon.line((line) => line.event === "rotation.failed");
  provider.otherwise(json(503, { error: "temporarily_unavailable" }, { "retry-after": "1" }));
  await daemon.line((line) => line["error_class"] === "throttled");
  daemon.signal("SIGTERM");
  expect(await daemon.exited).toBe(0);
  expect(daemon.lines.length).toBeGreaterThan(8);
  expect(daemon.stdout.trim().split("\n")).toHaveLength(daemon.lines.length);
  expect(daemon.lines.map(problemsOf).filter((problem) => problem !== undefined)).toEqual([]);
});

describe("log.format gcp", () => {
  test("has severity and message of Cloud Logging, and is otherwise the same line", () => {
    const gcp = makeLog({
      ...options,
      format: "gcp",
      write: (text) => void lines.push(JSON.parse(text) as object as never),
    });
    gcp.event("redis.disconnected");
    const { severity, message, ...rest } = lines[0] ?? {};
    expect([severity, message]).toEqual(["WARNING", events["redis.disconnected"][1]]);
    expect(problemsOf({ ...rest, msg: message })).toBeUndefined();
  });

  test.each([
    ["trace", "DEBUG"],
    ["debug", "DEBUG"],
    ["info", "INFO"],
    ["warn", "WARNING"],
    ["error", "ERROR"],
    ["fatal", "CRITICAL"],
  ] as const)("names the level %s %s", (level, severity) => {
    const gcp = makeLog({
      ...options,
      format: "gcp",
      write: (text) => void lines.push(JSON.parse(text) as object as never),
    });
    gcp.event("app.ready", { start_ms: 1 }, level);
    expect(lines[0]).toMatchObject({ severity, level });
  });
});

describe("log.successSampling", () => {
  const ordinary: Outcome = {
    ...base,
    ...life,
    result: "rotated",
    reason: "NearingExpiry",
    timeliness: "on_time",
    targets: [written],
  };
  function linesOf(outcome: Outcome, random: number): number {
    lines.length = 0;
    const sampling = { random: () => random, share: () => 0.1, isDown: () => false };
    makeRecorder(log, makeMetrics({ version: "1", nodeVersion: "1" }), sampling)(outcome);
    for (const line of lines) expect(problemsOf(line)).toBeUndefined();
    return lines.length;
  }

  test("logs its share of the ordinary rotations, with sample_share in the line", () => {
    expect(linesOf(ordinary, 0.099)).toBe(1);
    expect(lines[0]).toMatchObject({ sample_share: 0.1 });
    expect(linesOf(ordinary, 0.1)).toBe(0);
  });

  test.each([
    ["the first token", { timeliness: "first", reason: "NeverIssued" }],
    ["a late one", { timeliness: "late" }],
    ["one after a dead token", { timeliness: "expired" }],
    ["one after a failed try", { attempt: 2 }],
    ["one with a warning", { warnings: ["expires_in_string"] }],
    ["one that an operator requested", { reason: "Requested" }],
    ["a failure", { result: "failed", error: errorOf("transient") }],
    ["a token that waits for a store", { result: "unpublished", targets: [failed] }],
  ] satisfies [string, Partial<Outcome>][])("never leaves out %s", (_, over) => {
    expect(linesOf({ ...ordinary, ...over }, 0.999)).toBe(1);
    expect(lines[0]).not.toHaveProperty("sample_share");
  });
});
