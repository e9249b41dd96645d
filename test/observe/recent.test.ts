import { beforeEach, describe, expect, test } from "vitest";
import type { EventName, Fields, Level } from "../../src/observe/events.ts";
import type { Log } from "../../src/observe/log.ts";
import { type Recent, makeRecent } from "../../src/observe/recent.ts";

let now = 0;
let recent: Recent;
let log: Log;
const passed: [EventName, Fields, Level][] = [];

beforeEach(() => {
  now = 1000;
  passed.length = 0;
  recent = makeRecent(() => now);
  log = recent.wrapLog({
    event: (name, fields = {}, level = "info") => void passed.push([name, fields, level]),
    setLevel: () => undefined,
  });
});

const names = (): string[] => recent.events().map(({ event }) => event);
const succeed = (count: number): void => {
  for (let i = 0; i < count; i++) log.event("rotation.succeeded", { revision: i });
};
const fail = (count: number): void => {
  for (let i = 0; i < count; i++) log.event("rotation.failed", { attempt: i });
};

describe("the recent events of a replica", () => {
  test("are the events of the log, newest first, and the log gets each unchanged", () => {
    log.event("redis.connected");
    now = 2000;
    log.event("rotation.failed", { credential: "a" }, "error");
    expect(recent.events()).toEqual([
      {
        at: 2000,
        level: "error",
        event: "rotation.failed",
        message: "no token was obtained; the last one stays",
        fields: { credential: "a" },
      },
      { at: 1000, level: "info", event: "redis.connected", message: "connected to Redis", fields: {} },
    ]);
    expect(passed).toEqual([
      ["redis.connected", {}, "info"],
      ["rotation.failed", { credential: "a" }, "error"],
    ]);
  });

  test("do not include debug events", () => {
    log.event("rotation.skipped");
    expect(recent.events()).toEqual([]);
    expect(passed).toHaveLength(1);
  });

  test("are at most 50: the 51st pushes out the oldest", () => {
    succeed(50);
    expect(recent.events()).toHaveLength(50);
    expect(recent.events().at(-1)?.fields).toEqual({ revision: 0 });
    succeed(1);
    expect(recent.events()).toHaveLength(50);
    expect(recent.events().at(-1)?.fields).toEqual({ revision: 1 });
  });

  test("keep the event that a store went down, however many rotations succeed or fail after it", () => {
    log.event("store.unreachable", { store: "aws" });
    succeed(1000);
    fail(1000);
    expect(recent.events()).toHaveLength(50);
    expect(names()).toContain("store.unreachable");
  });

  test("keep 20 failures among any number of successes, and 10 successes among any number of failures", () => {
    fail(30);
    succeed(1000);
    expect(names().filter((name) => name === "rotation.failed")).toHaveLength(20);
    fail(1000);
    expect(names().filter((name) => name === "rotation.succeeded")).toHaveLength(10);
  });

  test("hold only allow-listed fields, only scalars, and at most 300 characters of each", () => {
    log.event("rotation.failed", {
      credential: "a",
      access_token: "canary",
      job_id: "canary",
      detail: { nested: "canary" },
      error_message: "x".repeat(1000),
    });
    expect(recent.events()[0]?.fields).toEqual({ credential: "a", error_message: "x".repeat(300) });
  });

  test("write a list as text", () => {
    log.event("config.restart_needed", { keys: ["http", "dataDir"] });
    expect(recent.events()[0]?.fields).toEqual({ keys: "http, dataDir" });
  });

  test("list the targets that failed, with class and code", () => {
    log.event("rotation.unpublished", {
      targets: [
        { store: "aws", secret: "a", result: "written" },
        { store: "gcp", secret: "b", result: "failed", error_class: "unavailable", error_code: "UNAVAILABLE" },
      ],
    });
    expect(recent.events()[0]?.fields).toEqual({ targets: "gcp/b: unavailable UNAVAILABLE" });
  });

  test("tell which stores do not answer, and since when, until they answer again", () => {
    log.event("store.unreachable", { store: "aws", failures: 5 });
    now = 5000;
    log.event("store.unreachable", { store: "aws", failures: 6 });
    expect([...recent.storesDown()]).toEqual([["aws", 1000]]);
    log.event("store.recovered", { store: "aws" });
    expect([...recent.storesDown()]).toEqual([]);
  });
});
