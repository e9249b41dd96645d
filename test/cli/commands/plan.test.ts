import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Plan } from "../../../src/core/plan/plan.ts";
import { configurationOf } from "../../fakes/configuration.ts";
import { type Daemon, type Site, makeSite, rotated } from "../../fakes/daemon.ts";
import { type TokenEndpoint, startTokenEndpoint } from "../../fakes/token-endpoint.ts";

describe("evertoken plan", () => {
  let provider: TokenEndpoint;
  let site: Site;
  let daemon: Daemon | undefined;
  beforeAll(async () => {
    provider = await startTokenEndpoint();
    site = await makeSite();
    await site.write("secret", "s3cr3t");
  });
  afterAll(async () => {
    await site[Symbol.asyncDispose]();
    await provider[Symbol.asyncDispose]();
  });

  async function configure(ids: readonly string[], limits: object = {}): Promise<void> {
    const providers = { p: { tokenEndpoint: provider.url, limits } };
    await site.configure(configurationOf(provider.url, ids, { dataDir: "data", defaults: {}, providers }));
  }
  const plan = (...args: readonly string[]) => site.run(["plan", "--config", site.config, ...args]);

  test("forecasts from the configuration alone before anything runs, as text and as JSON", async () => {
    await configure(["a", "b"]);
    const people = await plan("--offline");
    expect([people.code, people.stderr]).toEqual([0, ""]);
    expect(people.stdout).toContain("2 credentials, from the configuration: 2 added (a, b), 0 changed, 0 removed.");
    const { code, stdout } = await plan("-o", "json", "--offline");
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      schemaVersion: 1,
      from: "configuration",
      credentials: 2,
    } satisfies Partial<Plan>);
  });

  test("works without a running daemon, and says so", async () => {
    const { code, stderr, stdout } = await plan();
    expect([code, stdout.includes("from the configuration")]).toEqual([0, true]);
    expect(stderr).toContain("no daemon is running");
  });

  test("ends with 4 on changes with --detailed-exitcode", async () => {
    expect((await plan("--offline", "--detailed-exitcode")).code).toBe(4);
  });

  test("ends with 2 when a quota is exceeded, and says what to do", async () => {
    await configure(["a", "b"], { perDay: 1 });
    const { code, stdout } = await plan("--offline", "--detailed-exitcode");
    expect(code).toBe(2);
    expect(stdout).toMatch(/^EXCEEDED {2}provider p: exchanges per day: .* Raise the limit/m);
    await configure(["a", "b"]);
  });

  test("compares with the running state: no change, then what a change would add and remove", async () => {
    daemon = await site.start();
    await daemon.line(rotated("a"));
    await daemon.line(rotated("b"));
    const same = await plan("--detailed-exitcode", "-o", "json");
    expect(same.code).toBe(0);
    expect((JSON.parse(same.stdout) as Plan).from).toBe("running state");
    await configure(["b", "c"]);
    const changed = await plan("--detailed-exitcode");
    expect(changed.code).toBe(4);
    expect(changed.stdout).toContain("1 added (c), 0 changed, 1 removed (a).");
    expect(daemon.lines.filter((line) => line.event === "rotation.succeeded")).toHaveLength(2);
  });

  test("with an unusable configuration is a usage error", async () => {
    expect((await site.run(["plan", "--config", site.path("absent.yaml")])).code).toBe(2);
  });
});
