import { describe, expect, test } from "vitest";
import { credentialStates } from "../../src/core/states.ts";
import { renderCredentialSeries } from "../../src/observe/credential-series.ts";
import { events } from "../../src/observe/events.ts";
import { makeMetrics } from "../../src/observe/metrics.ts";
import { readDocument, sectionOf } from "../documents.ts";

const document = readDocument("src/observe/README.md");
const entries = sectionOf(document, "Metrics").matchAll(/^\* `(\w+)` \((\w+)([^)]*)\): /gm);
const rows = [...entries].map(([, name = "", type = "", rest = ""]) => ({
  name,
  type,
  labels: (rest.split(": ")[1] ?? "").split(", ").filter((label) => label !== ""),
}));

async function exposed(): Promise<string> {
  const metrics = makeMetrics({ version: "0", nodeVersion: "0" });
  const fact = { id: "acme", provider: "p", nextAt: 0, expiresAt: 0, reason: "config" };
  metrics.setCredentialSeries((await renderCredentialSeries([fact], 3)).text, 0);
  metrics.startSeries([{ name: "p", limits: { concurrency: 1 } }], ["s"]);
  return metrics.exposition();
}

describe("the list of metrics in src/observe/README.md", () => {
  test("has every metric that is exposed, once and with its type, and no other", async () => {
    const families = [...(await exposed()).matchAll(/^# TYPE evertoken_(\w+) (\w+)$/gm)].map(
      ([, name = "", type = ""]) => `${name} ${type}`,
    );
    expect(rows.map(({ name, type }) => `${name} ${type}`).toSorted()).toEqual(families.toSorted());
  });

  test("names the labels", async () => {
    const text = await exposed();
    for (const { name, labels } of rows) {
      const line = new RegExp(`^evertoken_${name}(?:_bucket)?\\{(.*)\\}`, "m").exec(text)?.[1];
      if (line === undefined) continue; // set from a snapshot, see metrics.test.ts
      const shown = [...line.matchAll(/(\w+)="/g)].map(([, label = ""]) => label).filter((label) => label !== "le");
      expect([name, shown.toSorted()]).toEqual([name, labels.toSorted()]);
    }
  });
});

test("the states by which credentials are counted are in the list", () => {
  const [, entry = ""] = /^\* `credentials` .*by state: ([^*.]*)/m.exec(document.text) ?? [];
  const counted = new Set(Object.values(credentialStates).flatMap((state) => state.counted ?? []));
  expect(entry.match(/\w+/g)?.toSorted()).toEqual([...counted].toSorted());
});

test("the log's events that src/observe/README.md names exist", () => {
  const named = [...sectionOf(document, "Logs").matchAll(/^\* ((?:`[a-z._]+`(?:, )?)+): /gm)].flatMap(
    ([, names = ""]) => [...names.matchAll(/`([^`]+)`/g)].map(([, name = ""]) => name),
  );
  expect(named.length).toBeGreaterThan(5);
  expect(named.filter((name) => !Object.hasOwn(events, name))).toEqual([]);
});
