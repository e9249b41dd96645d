import { describe, expect, test } from "vitest";
import { makeLogLevel } from "../../src/daemon/log-level.ts";
import { makeLog } from "../../src/observe/log.ts";

function setUp(first: "info" | "error" = "info") {
  const lines: Record<string, unknown>[] = [];
  const write = (text: string): void => void lines.push(JSON.parse(text) as Record<string, unknown>);
  const log = makeLog({ level: first, format: "json", version: "1", instance: "i", write });
  const level = makeLogLevel(log, first);
  return { level, log, said: () => lines.map(({ event, to, level: at }) => [event, to ?? at]) };
}

describe("the log level", () => {
  test("goes to debug and back", () => {
    const { level, log, said } = setUp();
    log.event("rotation.skipped");
    level.toggle();
    log.event("rotation.skipped");
    level.toggle();
    log.event("rotation.skipped");
    expect(said()).toEqual([
      ["log.level_changed", "debug"],
      ["rotation.skipped", "debug"],
      ["log.level_changed", "info"],
    ]);
  });

  test("follows the configuration, and says so also where only errors are shown", () => {
    const { level, said } = setUp("error");
    level.configure("warn");
    level.configure("warn");
    level.configure("error");
    expect(said()).toEqual([
      ["log.level_changed", "warn"],
      ["log.level_changed", "error"],
    ]);
  });

  test("stays at debug when the configuration changes, and goes back to what that says", () => {
    const { level, said } = setUp();
    level.toggle();
    level.configure("warn");
    level.toggle();
    expect(said()).toEqual([
      ["log.level_changed", "debug"],
      ["log.level_changed", "warn"],
    ]);
  });
});
