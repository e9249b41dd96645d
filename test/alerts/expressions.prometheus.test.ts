import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { configurationOf, configuredCredential, quick } from "../fakes/configuration.ts";
import { type Daemon, type Site, makeSite } from "../fakes/daemon.ts";
import { type Prometheus, startPrometheus } from "../fakes/prometheus.ts";
import { type TokenEndpoint, json, startTokenEndpoint, token } from "../fakes/token-endpoint.ts";
import { toolPath } from "../setup/tools.ts";
import { queriesOf, readDashboard } from "./dashboard.ts";
import { RULES_FILE, readRules, selectorsOf } from "./rules.ts";
import { readRunbooks } from "./runbooks.ts";

/** Alerts that stay silent in this fleet, which is healthy but for one refused credential. All others must fire. */
const silent: Readonly<Record<string, string>> = {
  EvertokenTokenExpired: "the only dead credential never had a token",
  EvertokenProviderRunwayShort: "tokens are renewed",
  EvertokenStoreRunwayShort: "nothing waits for a store",
  EvertokenRenewalSLOBurnFast: "renewals come in time",
  EvertokenRenewalSLOBurnSlow: "renewals come in time",
  EvertokenMassAuthFailure: "one is not many",
  EvertokenRefreshFailing: "the refused one is tried once in 15 minutes",
  EvertokenProviderThrottled: "no provider throttles",
  EvertokenProviderCircuitOpen: "the endpoints answer",
  EvertokenPaused: "no operator has paused anything",
  EvertokenProviderSlow: "the endpoints are quick",
  EvertokenUnpublished: "the stores take everything",
  EvertokenStoreDown: "the stores answer",
  EvertokenStoreDenied: "the stores take everything",
  EvertokenStoreThrottled: "the stores take everything",
  EvertokenDown: "it is there",
  EvertokenFleetUnknown: "it looks at the fleet",
  EvertokenUnscheduled: "all are scheduled",
  EvertokenOverdue: "nothing is overdue",
  EvertokenConfigReloadFailed: "the configuration was read once, and is good",
  EvertokenConfigDrift: "there is one replica",
  EvertokenLeasesLost: "there is one replica",
  EvertokenRedisDown: "Redis is there",
  EvertokenRedisFlapping: "Redis stays",
  EvertokenClockSkew: "both go by the clock of one machine",
  EvertokenCrashLooping: "it started once",
  EvertokenEventLoopLag: "it has little to do",
};

/** Alerts that a busy machine may make fire here: only that their expressions are valid is certain. */
const moody = new Set(["EvertokenRenewalSLOBurnFast", "EvertokenRenewalSLOBurnSlow", "EvertokenEventLoopLag"]);

/** With `rotateAt` a token is renewed 5 s before it dies: a busy machine lets none die. */
const LIFE_SECONDS = 10;
const PATIENCE = { timeout: 90_000, interval: 500 };
const { recorded, alerts } = await readRules();
const dashboard = queriesOf(await readDashboard());
const runbooks = await readRunbooks();

describe("at a real Prometheus that scrapes a real daemon", () => {
  let site: Site;
  let endpoints: readonly TokenEndpoint[];
  let daemon: Daemon;
  let prometheus: Prometheus;

  beforeAll(async () => {
    site = await makeSite();
    await site.write("secret", "s3cret");
    endpoints = [await startTokenEndpoint(), await startTokenEndpoint()];
    const [good, mixed] = endpoints;
    good?.otherwise(token({ expires_in: LIFE_SECONDS }));
    mixed?.otherwise((seen, response, socket) => {
      const refused = seen.headers.authorization === `Basic ${btoa("refused:s3cret")}`;
      const answer = refused ? json(401, { error: "invalid_client" }) : token({ expires_in: LIFE_SECONDS });
      answer(seen, response, socket);
    });
    const credential = (id: string, provider: string, ...stores: readonly string[]) =>
      configuredCredential(id, { provider, publish: stores.map((store) => ({ store, secret: id })) });
    await site.configure(
      configurationOf("", [], {
        defaults: { ...quick, rotateAt: "55%" },
        metrics: { perCredential: "all" },
        providers: { good: { tokenEndpoint: good?.url }, mixed: { tokenEndpoint: mixed?.url } },
        stores: { local: { type: "file", dir: "tokens" }, backup: { type: "file", dir: "backup" } },
        credentials: [
          credential("a", "good", "local"),
          credential("b", "mixed", "local", "backup"),
          credential("refused", "mixed", "backup"),
        ],
      }),
    );
    daemon = await site.start();
    prometheus = await startPrometheus({
      targets: [daemon.url.replace("http://", "")],
      labels: { namespace: "prod", pod: "evertoken-0" },
      rules: RULES_FILE,
    });
    for (const id of ["a", "b"]) await daemon.line((line) => line.credential === id && Number(line["revision"]) > 2);
    await daemon.line((line) => line.event === "rotation.failed");
  }, 120_000);
  afterAll(async () => {
    await prometheus[Symbol.asyncDispose]();
    await site[Symbol.asyncDispose]();
    await Promise.all(endpoints.map((endpoint) => endpoint.close()));
  });

  const count = async (expr: string): Promise<number> => (await prometheus.query(expr)).length;
  const limit = { timeout: 120_000 };

  test.each(alerts.map(({ alert, expr }) => [alert, expr] as const))(
    "%s fires, or is silent for a reason",
    limit,
    async (alert, expr) => {
      if (silent[alert] === undefined) await expect.poll(() => count(expr), PATIENCE).toBeGreaterThan(0);
      else expect((await prometheus.query(expr)).filter(() => !moody.has(alert))).toEqual([]);
    },
  );

  const selectors = [...new Set([...alerts, ...recorded].flatMap(({ expr }) => selectorsOf(expr)))];
  test.each(selectors)("%s has data", limit, async (selector) => {
    await expect.poll(() => count(selector), PATIENCE).toBeGreaterThan(0);
  });

  test.each(recorded.map(({ record = "" }) => record))(
    "%s is recorded, with the labels of its installation",
    limit,
    async (record) => {
      await expect.poll(() => count(`${record}{namespace="prod",job="evertoken"}`), PATIENCE).toBeGreaterThan(0);
    },
  );

  test.each(dashboard.map(({ title, expr }) => [title, expr] as const))(
    "the panel %s shows %s",
    limit,
    async (_title, expr) => {
      await expect.poll(() => count(expr), PATIENCE).toBeGreaterThan(0);
    },
  );

  const queries = [...new Set(runbooks.flatMap((runbook) => runbook.queries))];
  test.each(queries)("the query %s of a runbook has a result", limit, async (query) => {
    await expect.poll(() => count(query), PATIENCE).toBeGreaterThan(0);
  });

  test("promtool accepts the metrics of the daemon", async () => {
    await expect.poll(() => count('evertoken_credential_unhealthy{credential="refused"}'), PATIENCE).toBe(1);
    // The metrics of Node come from prom-client.
    const text = await (await fetch(`${daemon.url}/metrics`)).text();
    const ours = text.split("\n").filter((line) => /^(# \w+ )?evertoken_/.test(line));
    const check = promisify(execFile)(toolPath("promtool"), ["check", "metrics"]);
    check.child.stdin?.end(`${ours.join("\n")}\n`);
    expect(await check).toEqual({ stdout: "", stderr: "" });
  });

  test("the alerts about a provider fire when it is down and its tokens die", { timeout: 240_000 }, async () => {
    endpoints[0]?.otherwise(json(503, {}));
    const provider = { namespace: "prod", job: "evertoken", provider: "good" };
    for (const name of ["EvertokenTokenExpired", "EvertokenProviderCircuitOpen"]) {
      const expr = alerts.find(({ alert }) => alert === name)?.expr ?? "";
      await expect
        .poll(async () => (await prometheus.query(expr)).map(({ metric }) => metric), PATIENCE)
        .toEqual([provider]);
    }
  });

  test("every reason for silence is that of an existing alert", () => {
    expect(Object.keys(silent).filter((name) => !alerts.some(({ alert }) => alert === name))).toEqual([]);
  });
});
