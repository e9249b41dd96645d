import { describe, expect, test } from "vitest";
import { readDocument, sectionOf } from "../documents.ts";
import { readRules, selectorsOf } from "./rules.ts";
import { RUNBOOKS_URL } from "./runbooks.ts";

const { recorded, alerts } = await readRules();
const DASHBOARD = "https://grafana.example.com/d/evertoken";

describe("every alert", () => {
  test.each(alerts.map((alert) => [alert.alert, alert] as const))(
    "%s has a severity, a summary, a description, a runbook and a dashboard",
    (name, { labels, annotations = {} }) => {
      expect(labels?.["severity"]).toMatch(/^(critical|warning)$/);
      expect(Object.keys(annotations).toSorted()).toEqual(["dashboard_url", "description", "runbook_url", "summary"]);
      expect(annotations["runbook_url"]).toBe(`${RUNBOOKS_URL}${name}.md`);
      expect(annotations["dashboard_url"]?.startsWith(`${DASHBOARD}?var-namespace=`)).toBe(true);
      expect(annotations["summary"]?.length).toBeLessThanOrEqual(80);
    },
  );

  test("has a name of its own that begins with Evertoken", () => {
    const names = alerts.map(({ alert }) => alert);
    expect(new Set(names).size).toBe(names.length);
    expect(names.filter((name) => !/^Evertoken[A-Z]\w+$/.test(name))).toEqual([]);
  });

  test("is listed in src/observe/README.md, under its severity", () => {
    const section = sectionOf(readDocument("src/observe/README.md"), "Alerts");
    const [, critical = "", warning = ""] = section.split(/^(?:Critical, it pages|Warning, a ticket):$/m);
    for (const [severity, list] of Object.entries({ critical, warning })) {
      const named = [...list.matchAll(/`(Evertoken\w+)`/g)].map(([, name = ""]) => name);
      const expected = alerts.filter(({ labels }) => labels?.["severity"] === severity).map(({ alert }) => alert);
      expect(named.toSorted()).toEqual(expected.toSorted());
    }
  });

  test("takes the highest or lowest value of a metric that every replica exposes, without its pod", () => {
    // A sum of gauges about the fleet would count each credential once per replica.
    const fleet = /evertoken_(credentials|provider_runway|store_runway|provider_paused|fleet_snapshot|queue_oldest)/;
    for (const { expr } of [...alerts, ...recorded]) {
      for (const selector of selectorsOf(expr)) {
        if (!fleet.test(selector) || selector.includes(":")) continue;
        const at = expr.indexOf(selector);
        expect(expr.slice(0, at)).toMatch(/(max|min) by \([^)]*\) \((avg_over_time\()?$/);
      }
    }
  });

  test("keeps the labels of its installation", () => {
    const unnamed = [...alerts, ...recorded].filter(({ expr }) =>
      [...expr.matchAll(/\b(?:by|on) \(([^)]*)\)/g)].some(([, labels = ""]) => !labels.startsWith("namespace, job")),
    );
    expect(unnamed).toEqual([]);
  });
});

test("selectors are found with their matchers", () => {
  expect(selectorsOf('sum by (job) (rate(evertoken_a_total{x="1"}[5m])) / ns:evertoken_b:ratio > process_c')).toEqual([
    'evertoken_a_total{x="1"}',
    "ns:evertoken_b:ratio",
    "process_c",
  ]);
});
