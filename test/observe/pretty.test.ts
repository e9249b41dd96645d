import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";

test("log.format pretty prints one line per event: time, level, event, message and fields", () => {
  const url = (name: string): string => JSON.stringify(new URL(`../../src/observe/${name}`, import.meta.url).href);
  const script = `
    import { makeLog } from ${url("log.ts")};
    import { prettyLines } from ${url("pretty.ts")};
    const write = prettyLines((text) => process.stdout.write(text));
    const log = makeLog({ level: "info", format: "pretty", version: "1", instance: "i", write });
    log.event("app.ready", { start_ms: 12 });
    log.event("redis.disconnected");`;
  const { stdout } = spawnSync(process.execPath, ["--input-type=module", "--eval", script], {
    encoding: "utf8",
    env: { ...process.env, NO_COLOR: "1" },
  });
  const lines = stdout.trimEnd().split("\n");
  expect(lines).toHaveLength(2);
  expect(lines[0]).toMatch(/^\[[\d:. +-]+\] INFO: app\.ready \S.* \{"start_ms":12\}$/);
  expect(lines[1]).toMatch(/^\[[\d:. +-]+\] WARN: redis\.disconnected \S.*$/);
});
