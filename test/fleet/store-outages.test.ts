import { Ajv } from "ajv";
import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { PublishError, type PublishErrorClass } from "../../src/core/ports/store.ts";
import { makeStoreOutages } from "../../src/fleet/store-outages.ts";
import { makeLog } from "../../src/observe/log.ts";
import { makeMetrics } from "../../src/observe/metrics.ts";

const schema = await readFile(new URL("../../src/observe/log-events.schema.json", import.meta.url), "utf8");
const isValid = new Ajv().compile(JSON.parse(schema) as object);

function startOutages() {
  const lines: { level: string; event: string; store: string; failures: number; error_code?: string }[] = [];
  const clock = { now: Date.UTC(2026, 0, 1) };
  const metrics = makeMetrics({ version: "1", nodeVersion: "1" });
  const log = makeLog({
    level: "info",
    format: "json",
    version: "1",
    instance: "host:1",
    write(text) {
      const line = JSON.parse(text) as (typeof lines)[number];
      expect(isValid(line), JSON.stringify(isValid.errors)).toBe(true);
      lines.push(line);
    },
  });
  const outages = makeStoreOutages({ log, metrics, now: () => clock.now });
  return {
    outages,
    clock,
    fail: (code = "AccessDeniedException", className: PublishErrorClass = "permanent") =>
      outages.noteOutage("aws", new PublishError(`allow it (${code})`, { class: className, code })),
    taken: () => lines.splice(0),
    up: async () => /evertoken_store_up\{store="aws"\} (\d)/.exec(await metrics.exposition())?.[1],
  };
}

test("an outage is logged when it begins, at error level and with its remedy, not at each failure", async () => {
  const { fail, taken, up, outages } = startOutages();
  fail();
  fail();
  expect(taken()).toMatchObject([
    {
      event: "store.unreachable",
      level: "error",
      failures: 1,
      since: "2026-01-01T00:00:00Z",
      error_class: "permanent",
      error_message: "allow it (AccessDeniedException)",
    },
  ]);
  expect([await up(), outages.isDown("aws"), outages.isDown("gcp")]).toEqual(["0", true, false]);
});

test("it is logged again when its cause changes", () => {
  const { fail, taken } = startOutages();
  fail("ECONNREFUSED", "unavailable");
  fail();
  fail();
  expect(taken().map((line) => line.error_code)).toEqual(["ECONNREFUSED", "AccessDeniedException"]);
});

test("it is logged again after 1, 2, 4 minutes and so on, at most once an hour, while it lasts", () => {
  const { fail, taken, clock } = startOutages();
  const said: number[] = [];
  for (let second = 0; second <= 5 * 3600; second += 10) {
    fail();
    if (taken().length > 0) said.push(second / 60);
    clock.now += 10_000;
  }
  expect(said).toEqual([0, 1, 2, 4, 8, 16, 32, 64, 124, 184, 244]);
});

test("its end is logged once, and only after its beginning", async () => {
  const { fail, taken, up, outages } = startOutages();
  expect(outages.noteWell("aws")).toBe(false);
  expect(taken()).toEqual([]);
  fail();
  fail();
  expect([outages.noteWell("aws"), outages.noteWell("aws")]).toEqual([true, false]);
  expect(taken().map(({ event, failures }) => [event, failures])).toEqual([
    ["store.unreachable", 1],
    ["store.recovered", 2],
  ]);
  expect([await up(), outages.isDown("aws")]).toEqual(["1", false]);
});
