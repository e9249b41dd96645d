import { readFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { renderCredentialSeries } from "../../src/observe/credential-series.ts";
import { makeMetrics } from "../../src/observe/metrics.ts";

const readme = await readFile(new URL("../../README.md", import.meta.url), "utf8");
const section = /^### Metrics\n([\s\S]*?)^###? /m.exec(readme)?.[1] ?? "";
const rows = [...section.matchAll(/^\| `(\w+)` \| (\w+)([^|]*) \| .+ \|$/gm)].map(
  ([, name = "", type = "", rest = ""]) => ({
    name,
    type,
    labels: (rest.split(": ")[1] ?? "").split(", ").filter((label) => label !== ""),
  }),
);

async function exposed(): Promise<string> {
  const metrics = makeMetrics({ version: "0", nodeVersion: "0" });
  const fact = { id: "acme", provider: "p", nextAt: 0, expiresAt: 0, reason: "config" };
  metrics.setCredentialSeries((await renderCredentialSeries([fact], 3)).text, 0);
  metrics.introduce([{ name: "p", limits: { concurrency: 1 } }], ["s"]);
  return metrics.exposition();
}

describe("the README's table of metrics", () => {
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
