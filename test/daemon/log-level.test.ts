import { describe, expect, test } from "vitest";
import { makeLogLevel } from "../../src/daemon/log-level.ts";
import { makeLog } from "../../src/observe/log.ts";

function setUp(first: "info" | "error" = "info") {
  const lines: Record<string, unknown>[] = [];
  const write = (text: string): void => void lines.push(JSON.parse(text) as Record<string, unknown>);
  const log = makeLog({ level: first, format: "json", version: "1", instance: "i", write });
  const level = makeLogLevel(log, first);
  return { level, log, logged: () => lines.map(({ event, to, level: at }) => [event, to ?? at]) };
}

describe("the log level", () => {
  test("goes to debug and back", () => {
    const { level, log, logged } = setUp();
    log.event("rotation.skipped");
    level.toggle();
    log.event("rotation.skipped");
    level.toggle();
    log.event("rotation.skipped");
    expect(logged()).toEqual([
      ["log.level_changed", "debug"],
      ["rotation.skipped", "debug"],
      ["log.level_changed", "info"],
    ]);
  });

  test("follows the configuration, and logs that even where only errors are shown", () => {
    const { level, logged } = setUp("error");
    level.configure("warn");
    level.configure("warn");
    level.configure("error");
    expect(logged()).toEqual([
      ["log.level_changed", "warn"],
      ["log.level_changed", "error"],
    ]);
  });

  test("stays at debug when the configuration changes, and goes back to the configured level", () => {
    const { level, logged } = setUp();
    level.toggle();
    level.configure("warn");
    level.toggle();
    expect(logged()).toEqual([
      ["log.level_changed", "debug"],
      ["log.level_changed", "warn"],
    ]);
  });
});
