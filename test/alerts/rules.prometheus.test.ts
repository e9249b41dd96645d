import { execFile } from "node:child_process";
import { readFile, readdir } from "node:fs/promises";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { toolPath } from "../setup/tools.ts";
import { RULES_FILE, readRules } from "./rules.ts";

const run = promisify(execFile);
const here = new URL(".", import.meta.url).pathname;
const files = (await readdir(here)).filter((name) => name.endsWith(".test.yaml")).toSorted();
const { recorded, alerts } = await readRules();

interface UnitTest {
  readonly name: string;
  readonly alert_rule_test: readonly { readonly alertname: string; readonly exp_alerts: readonly unknown[] }[];
}

describe("the rules file", () => {
  test("is valid for Prometheus", async () => {
    const { stdout } = await run(toolPath("promtool"), ["check", "rules", "--lint=all", "--lint-fatal", RULES_FILE]);
    expect(stdout).toContain(`SUCCESS: ${recorded.length + alerts.length} rules found`);
  });

  test.each(files)("fulfils %s", { timeout: 120_000 }, async (file) => {
    const { stdout } = await run(toolPath("promtool"), ["test", "rules", file], { cwd: here });
    expect(stdout).toContain("SUCCESS");
  });

  test("has for every alert a case in which it fires and one in which it is silent", async () => {
    const tests = await Promise.all(
      files.map(async (file) => (parse(await readFile(here + file, "utf8")) as { tests: readonly UnitTest[] }).tests),
    );
    const all = tests.flat();
    const names = alerts.map(({ alert }) => alert);
    const about = (alert: string, fires: boolean): boolean =>
      all.some(({ name, alert_rule_test: checks }) => {
        const expected = checks
          .filter((check) => check.alertname === alert)
          .map((check) => check.exp_alerts.length > 0);
        if (expected.length === 0) return false;
        return fires
          ? name.startsWith(`${alert} fires `) && expected.includes(true)
          : name.startsWith(`${alert} is silent `) && !expected.includes(true);
      });
    expect(names.filter((alert) => !about(alert, true))).toEqual([]);
    expect(names.filter((alert) => !about(alert, false))).toEqual([]);
    const tested = new Set(all.flatMap((each) => each.alert_rule_test.map((check) => check.alertname)));
    expect([...tested].toSorted()).toEqual(names.toSorted());
  });
});
