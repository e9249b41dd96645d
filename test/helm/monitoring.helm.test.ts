import { readdirSync } from "node:fs";
import { parse } from "yaml";
import { describe, expect, test } from "vitest";
import type { Rule } from "../alerts/rules.ts";
import { at, minimal, readChart, refusal, render, valuesFile } from "./helm.ts";
import { CHART } from "./values-schema.ts";

/** Monitors, rules and dashboards. They need kinds that a cluster may not know. */

const prometheus = ["PodMonitor", "ServiceMonitor", "PrometheusRule"].map((kind) => `monitoring.coreos.com/v1/${kind}`);
const on = (more: object, metrics: object = {}) => ({ ...minimal, ...more, metrics });

describe("monitors", () => {
  test("a PodMonitor scrapes the named port of each pod", async () => {
    const manifests = await render(valuesFile("monitoring"));
    const monitor = manifests.one("PodMonitor");
    expect(at(monitor, "metadata.labels")).toMatchObject({ release: "kube-prometheus-stack" });
    expect(at(monitor, "spec.selector.matchLabels")).toEqual(
      at(manifests.one("Deployment"), "spec.selector.matchLabels"),
    );
    expect(at(monitor, "spec.podMetricsEndpoints")).toEqual([
      {
        port: "http",
        path: "/metrics",
        interval: "30s",
        scrapeTimeout: "10s",
        honorLabels: false,
        relabelings: [{ sourceLabels: ["__meta_kubernetes_pod_node_name"], targetLabel: "node" }],
      },
    ]);
  });

  test("a ServiceMonitor finds the Service by its labels and port", async () => {
    const { one } = await render(valuesFile("servicemonitor"));
    const selector = at(one("ServiceMonitor"), "spec.selector.matchLabels") as object;
    expect(at(one("Service"), "metadata.labels")).toMatchObject(selector);
    expect(at(one("ServiceMonitor"), "spec.endpoints.0")).toMatchObject({ port: "http", interval: "15s" });
    expect(at(one("Service"), "spec.ports.0.name")).toBe("http");
  });

  test("a PodMonitoring is for Google's Managed Prometheus", async () => {
    const { one } = await render(valuesFile("gmp"));
    expect(at(one("PodMonitoring"), "spec.endpoints")).toEqual([{ port: "http", path: "/metrics", interval: "30s" }]);
  });
});

describe("where the cluster does not know their kinds", () => {
  const all = { podMonitor: { enabled: true } };
  const rule = { prometheusRule: { enabled: true } };

  test("they are left out", async () => {
    const { kinds } = await render(on(rule, all));
    expect(kinds()).not.toContain("PodMonitor");
    expect(kinds()).not.toContain("PrometheusRule");
  });

  test("they are rendered as soon as the cluster knows them", async () => {
    const { kinds } = await render(on(rule, all), { apis: prometheus });
    expect(kinds()).toContain("PodMonitor");
    expect(kinds()).toContain("PrometheusRule");
  });

  test("failIfMissing makes that an error with its remedy", async () => {
    expect(await refusal(on({}, { ...all, renderMode: "failIfMissing" }))).toContain(
      "metrics.podMonitor.enabled asks for a PodMonitor, which this cluster does not know " +
        "(monitoring.coreos.com/v1); install its CRD, or set metrics.renderMode to skipIfMissing",
    );
  });

  test("alwaysRender renders them all the same", async () => {
    expect((await render(on({}, { ...all, renderMode: "alwaysRender" }))).kinds()).toContain("PodMonitor");
  });
});

type Groups = readonly { readonly name: string; readonly rules: readonly Rule[] }[];

const written = readdirSync(`${CHART}files/alerts`)
  .filter((name) => name.endsWith(".yaml"))
  .flatMap((name) => (parse(readChart(`files/alerts/${name}`)) as { groups: Groups }).groups);
const rulesOf = (groups: Groups) => groups.flatMap(({ rules }) => rules);
const first = rulesOf(written).find(({ alert }) => alert !== undefined) as Rule & { alert: string };

async function rules(prometheusRule: object): Promise<Groups> {
  const { one } = await render(on({ prometheusRule: { enabled: true, ...prometheusRule } }), { apis: prometheus });
  return at(one("PrometheusRule"), "spec.groups") as Groups;
}

describe("the PrometheusRule", () => {
  test("holds the rules of files/alerts unchanged, as promtool tests them", async () => {
    expect(rulesOf(written).length).toBeGreaterThan(15);
    expect(await rules({})).toEqual(written);
  });

  test("leaves out disabled alerts, and nothing else", async () => {
    const left = rulesOf(await rules({ disabled: [first.alert] })).map(({ alert, record }) => alert ?? record);
    const all = rulesOf(written).map(({ alert, record }) => alert ?? record);
    expect(left).toEqual(all.filter((name) => name !== first.alert));
  });

  test("overrides threshold, duration, labels or texts of one alert, and no other", async () => {
    const changed = { expr: "vector(1)", for: "42m", labels: { severity: "low" }, annotations: { summary: "mine" } };
    const found = rulesOf(await rules({ overrides: { [first.alert]: changed } }));
    const one = found.find(({ alert }) => alert === first.alert);
    expect(one).toMatchObject(changed);
    expect(one?.annotations?.["description"]).toBe(first.annotations?.["description"]);
    expect(found.filter(({ alert }) => alert !== first.alert)).toEqual(
      rulesOf(written).filter(({ alert }) => alert !== first.alert),
    );
  });

  test("adds the labels and links of the installation to every alert, and to no recording rule", async () => {
    const found = rulesOf(
      await rules({
        additionalRuleLabels: { team: "platform" },
        runbookBaseUrl: "https://runbooks.example.com/",
        dashboardUrl: "https://grafana.internal/d/tokens",
      }),
    );
    for (const { alert, labels, annotations } of found.filter((each) => each.alert !== undefined)) {
      expect(labels).toMatchObject({ team: "platform" });
      expect(annotations).toMatchObject({
        runbook_url: `https://runbooks.example.com/${alert}.md`,
        dashboard_url: expect.stringMatching(/^https:\/\/grafana\.internal\/d\/tokens(\?|$)/),
      });
    }
    for (const { labels } of found.filter((each) => each.record !== undefined))
      expect(labels?.["team"]).toBeUndefined();
  });
});
describe("dashboards", () => {
  test("are a ConfigMap that the sidecar of Grafana finds, with every file unchanged", async () => {
    const { one } = await render(valuesFile("monitoring"));
    const found = one("ConfigMap", "evertoken-dashboards");
    expect(found.metadata).toMatchObject({
      labels: { grafana_dashboard: "1" },
      annotations: { grafana_folder: "Platform" },
    });
    const names = readdirSync(`${CHART}files/dashboards`);
    expect(names.length).toBeGreaterThan(0);
    const data = at(found, "data") as Record<string, string>;
    for (const name of names)
      expect(JSON.parse(data[name] ?? "")).toEqual(JSON.parse(readChart(`files/dashboards/${name}`)));
  });

  test("are also resources of the Grafana operator where its instances are named", async () => {
    const { all } = await render(valuesFile("monitoring"));
    const found = all.filter(({ kind }) => kind === "GrafanaDashboard");
    expect(found).toHaveLength(readdirSync(`${CHART}files/dashboards`).length);
    expect(at(found[0], "spec.instanceSelector.matchLabels")).toEqual({ dashboards: "grafana" });
    expect(at(found[0], "spec.configMapRef.name")).toBe("evertoken-dashboards");
  });
});
