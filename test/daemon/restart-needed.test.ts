import { describe, expect, test } from "vitest";
import { splitByRestart } from "../../src/daemon/restart-needed.ts";
import type { Config } from "../../src/config/config.ts";
import { parseConfig } from "../../src/config/parse.ts";

function configOf(settings: object): Config {
  const value = {
    redis: { url: "redis://:pass@localhost:6379" },
    sealKey: { env: "SEAL" },
    providers: {},
    stores: {},
    credentials: [],
    ...settings,
  };
  const { config, problems } = parseConfig(JSON.stringify(value), "/etc/evertoken/c.json", {});
  if (config === undefined) throw new Error(JSON.stringify(problems));
  return config;
}
const started = configOf({});

describe("what a running daemon takes from a new configuration", () => {
  test("is everything, unless something changed that is opened at the start", () => {
    const next = configOf({ shutdown: { drainTimeout: "5s" }, log: { level: "debug" }, reload: { maxRemoved: "50%" } });
    expect(splitByRestart(started, next)).toEqual({ config: next, restartNeeded: [] });
  });

  test.each([
    ["redis", { redis: { url: "redis://:pass@elsewhere:6379" } }],
    ["redis", { redis: { url: "redis://:other@localhost:6379" } }],
    ["redis", { redis: { url: "redis://:pass@localhost:6379", keyPrefix: "x" } }],
    ["redis", { redis: undefined }],
    ["sealKey", { sealKey: { env: "OTHER" } }],
    ["dataDir", { dataDir: "/srv/evertoken" }],
    ["http", { http: { listen: "127.0.0.1:1" } }],
    ["statusPage", { statusPage: true }],
    ["tracing", { tracing: { credentialId: true } }],
    ["log.format", { log: { format: "pretty" } }],
  ])("leaves %s as it is until the next start, and takes the rest", (key, settings) => {
    const next = configOf({ ...settings, shutdown: { drainTimeout: "5s" } });
    const { config, restartNeeded } = splitByRestart(started, next);
    expect(restartNeeded).toEqual([key]);
    expect(config).toEqual({ ...started, shutdown: { drainTimeoutMs: 5000 } });
    expect(config.redis?.url?.reveal()).toBe("redis://:pass@localhost:6379");
  });

  test("includes the level of a log whose format must wait", () => {
    const { config } = splitByRestart(started, configOf({ log: { format: "pretty", level: "warn" } }));
    expect(config.log).toMatchObject({ format: "json", level: "warn" });
  });

  test("names a change for as long as it waits, and no longer", () => {
    const changed = configOf({ http: { listen: "127.0.0.1:1" } });
    expect(splitByRestart(started, changed).restartNeeded).toEqual(["http"]);
    expect(splitByRestart(started, started).restartNeeded).toEqual([]);
  });
});
