import { makeClocks } from "../../src/fleet/clocks.ts";
import { createSecretKey } from "node:crypto";
import { describe, expect, test } from "vitest";
import { type Connections, noConnections, reopen } from "../../src/fleet/connections.ts";
import type { Config } from "../../src/config/config.ts";
import { parseConfig } from "../../src/config/parse.ts";
import type { Store } from "../../src/core/ports/store.ts";
import type { RedisLink } from "../../src/queue/redis/link.ts";

function configOf(providers: Record<string, object>, stores: Record<string, object>): Config {
  const all = Object.fromEntries(
    Object.entries(providers).map(([name, more]) => [
      name,
      { tokenEndpoint: `https://${name}.example.com/t`, ...more },
    ]),
  );
  const { config, problems } = parseConfig(JSON.stringify({ providers: all, stores, credentials: [] }), "/c.json", {});
  if (config === undefined) throw new Error(JSON.stringify(problems));
  return config;
}
const folder = (dir: string) => ({ type: "file", dir });
const options = {
  versionKey: createSecretKey(Buffer.alloc(32)),
  budgets: () => undefined,
  redis: { prefix: "test" } as RedisLink,
  clocks: makeClocks({
    now: () => 0,
    elapsed: () => 0,
    log: { event: () => undefined },
    metrics: { setClockSkew: () => undefined },
  }),
  elapsed: () => 0,
  env: {},
  breakerPorts: () => ({
    now: () => 0,
    countSecrets: () => 1,
    noteOutage: () => undefined,
    noteWell: () => undefined,
    wantProbe: () => undefined,
  }),
};
const open = (before: Connections, config: Config) =>
  reopen(before, { config, used: new Set(config.stores.keys()) }, options);

describe("opening what a configuration needs", () => {
  test("leaves open what is configured as before", async () => {
    const first = await open(noConnections, configOf({ p: {}, q: {} }, { s: folder("/s"), t: folder("/t") }));
    expect([first.fresh.length, first.stale.length]).toEqual([4, 0]);
    const second = await open(first.connections, configOf({ p: {}, q: {} }, { s: folder("/s"), t: folder("/t") }));
    expect([second.fresh.length, second.stale.length]).toEqual([0, 0]);
    expect(second.connections.stores.get("s")?.connection).toBe(first.connections.stores.get("s")?.connection);
  });

  test("opens anew what is configured differently, and only that", async () => {
    const first = await open(noConnections, configOf({ p: {}, q: {} }, { s: folder("/s"), t: folder("/t") }));
    const changed = configOf(
      { p: { auth: { method: "client_secret_post" } }, q: {} },
      { s: folder("/s"), t: folder("/u") },
    );
    const second = await open(first.connections, changed);
    expect(second.fresh).toEqual([
      second.connections.exchanges.get("p")?.connection,
      second.connections.stores.get("t")?.connection,
    ]);
    expect(second.stale).toEqual([
      first.connections.exchanges.get("p")?.connection,
      first.connections.stores.get("t")?.connection,
    ]);
    expect(second.connections.exchanges.get("q")?.connection).toBe(first.connections.exchanges.get("q")?.connection);
  });

  test("gives up what is no longer configured, and a store that no credential publishes to", async () => {
    const config = configOf({ p: {} }, { s: folder("/s") });
    const first = await open(noConnections, config);
    const second = await reopen(
      first.connections,
      { config: configOf({}, { s: folder("/s") }), used: new Set() },
      options,
    );
    expect(second.stale).toHaveLength(2);
    expect([...second.connections.exchanges.keys(), ...second.connections.stores.keys()]).toEqual([]);
  });

  test("takes nothing from a configuration that cannot be opened as a whole, and closes nothing in use", async () => {
    const closed: string[] = [];
    const used = { close: async () => void closed.push("t") } as unknown as Store;
    const before: Connections = {
      exchanges: new Map(),
      stores: new Map([["t", { settings: "as before", connection: used }]]),
    };
    const broken = {
      ...options,
      breakerPorts(store: string) {
        if (store === "t") throw new Error("cannot be opened");
        return options.breakerPorts();
      },
    };
    const config = configOf({ p: {} }, { s: folder("/s"), t: folder("/t") });
    await expect(reopen(before, { config, used: new Set(["s", "t"]) }, broken)).rejects.toThrow("cannot be opened");
    expect(closed).toEqual([]);
  });
});
