import { describe, expect, test } from "vitest";
import type { Config } from "../../src/config/config.ts";
import { parseConfig } from "../../src/config/parse.ts";
import { type Roster, compareRosters, emptyRoster, leaseFloorMs, makeRoster } from "../../src/fleet/roster.ts";

interface Account {
  readonly id: string;
  readonly provider?: string;
  readonly scope?: string;
  readonly secret?: string;
  readonly stores?: readonly string[];
  readonly requestTimeout?: string;
}

function configOf(accounts: readonly Account[], tokenEndpoint = "https://login.example.com/token"): Config {
  const { config, problems } = parseConfig(
    JSON.stringify({
      providers: { p: { tokenEndpoint }, q: { tokenEndpoint: "https://q.example.com/token" } },
      stores: { local: { type: "file", dir: "t" }, other: { type: "file", dir: "o" } },
      credentials: accounts.map(({ id, provider = "p", scope, secret = "S", stores = ["local"], requestTimeout }) => ({
        id,
        provider,
        clientId: id,
        clientSecret: { env: secret },
        ...(scope !== undefined && { scope }),
        ...(requestTimeout !== undefined && { requestTimeout }),
        publish: stores.map((store) => ({ store, secret: id })),
      })),
    }),
    "c.json",
    {},
  );
  if (config === undefined) throw new Error(JSON.stringify(problems));
  return config;
}
const rosterOf = (...accounts: Account[]): Promise<Roster> => makeRoster(configOf(accounts));
const idsOf = (lists: ReadonlyMap<string, readonly (string | readonly [string, string])[]>) =>
  Object.fromEntries(
    [...lists].map(([name, list]) => [name, list.map((each) => (typeof each === "string" ? each : each[0]))]),
  );

describe("a roster", () => {
  test("has the credentials by provider, and a section for a provider without any", async () => {
    const { sections, credentials, stores } = await rosterOf({ id: "a" }, { id: "b" });
    expect([...(sections.get("p")?.specs.keys() ?? [])]).toEqual(["a", "b"]);
    expect(sections.get("q")).toMatchObject({ specs: new Map() });
    expect([...credentials.keys()]).toEqual(["a", "b"]);
    expect([...stores.keys()]).toEqual(["local"]);
  });

  test("leases as long as the slowest exchange needs", async () => {
    const usual = (await rosterOf({ id: "a" })).sections.get("p")?.leaseFloorMs ?? 0;
    const slow = (await rosterOf({ id: "a" }, { id: "b", requestTimeout: "50s" })).sections.get("p")?.leaseFloorMs;
    expect(slow).toBeGreaterThan(Math.max(50_000, usual));
  });

  test("has the same hash for the same credentials, and another for another token or target", async () => {
    const { hash } = await rosterOf({ id: "a" });
    expect((await rosterOf({ id: "a", secret: "T" })).hash).toBe(hash);
    expect((await rosterOf({ id: "a", stores: ["local", "other"] })).hash).not.toBe(hash);
    expect((await rosterOf({ id: "a", scope: "x" })).hash).not.toBe(hash);
    expect((await rosterOf({ id: "a" }, { id: "b" })).hash).not.toBe(hash);
    expect((await rosterOf({ id: "a", provider: "q" })).hash).not.toBe(hash);
  });
});

describe("the shortest lease", () => {
  test("is ten seconds, or two more than a request may take: at, just before, just after", () => {
    expect(leaseFloorMs(7999)).toBe(10_000);
    expect(leaseFloorMs(8000)).toBe(10_000);
    expect(leaseFloorMs(8001)).toBe(10_001);
  });
});

describe("two rosters", () => {
  test("that are equal leave nothing to do", async () => {
    const change = await compareRosters(await rosterOf({ id: "a" }), await rosterOf({ id: "a" }));
    expect(change).toMatchObject({ added: 0, removed: 0, changed: 0 });
    expect([change.register.size, change.gone.size]).toEqual([0, 0]);
  });

  test("the first one is all new", async () => {
    const change = await compareRosters(emptyRoster, await rosterOf({ id: "a" }, { id: "b", provider: "q" }));
    expect(change).toMatchObject({ added: 2, removed: 0, changed: 0 });
    expect(idsOf(change.register)).toEqual({ p: ["a"], q: ["b"] });
  });

  test("show what was added and what was removed", async () => {
    const change = await compareRosters(
      await rosterOf({ id: "a" }, { id: "b" }),
      await rosterOf({ id: "b" }, { id: "c" }),
    );
    expect(change).toMatchObject({ added: 1, removed: 1, changed: 0 });
    expect(idsOf(change.register)).toEqual({ p: ["c"] });
    expect(idsOf(change.gone)).toEqual({ p: ["a"] });
  });

  test("register anew what asks for another token, not what only obtains or keeps it in another way", async () => {
    const before = await rosterOf({ id: "a" }, { id: "b" }, { id: "c" });
    const change = await compareRosters(
      before,
      await rosterOf({ id: "a", scope: "x" }, { id: "b", secret: "T" }, { id: "c", requestTimeout: "20s" }),
    );
    expect(change).toMatchObject({ added: 0, removed: 0, changed: 3 });
    expect(idsOf(change.register)).toEqual({ p: ["a"] });
  });

  test("register a whole provider anew when its endpoint is another one", async () => {
    const change = await compareRosters(
      await rosterOf({ id: "a" }, { id: "b" }, { id: "c", provider: "q" }),
      await makeRoster(
        configOf([{ id: "a" }, { id: "b" }, { id: "c", provider: "q" }], "https://new.example.com/token"),
      ),
    );
    expect(change).toMatchObject({ added: 0, removed: 0, changed: 2 });
    expect(idsOf(change.register)).toEqual({ p: ["a", "b"] });
  });

  test("see a credential that moved as gone here and new there, and not as removed", async () => {
    const change = await compareRosters(await rosterOf({ id: "a" }), await rosterOf({ id: "a", provider: "q" }));
    expect(change).toMatchObject({ added: 0, removed: 0, changed: 1 });
    expect(idsOf(change.register)).toEqual({ q: ["a"] });
    expect(idsOf(change.gone)).toEqual({ p: ["a"] });
  });

  test("register anew what has other targets", async () => {
    const change = await compareRosters(
      await rosterOf({ id: "a" }, { id: "b", stores: ["local", "other"] }, { id: "c" }),
      await rosterOf({ id: "a", stores: ["local", "other"] }, { id: "b" }, { id: "c" }),
    );
    expect(change).toMatchObject({ changed: 2 });
    expect(idsOf(change.register)).toEqual({ p: ["a", "b"] });
  });
});
