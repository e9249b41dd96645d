import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { leftOut, toolPath } from "./tools.ts";

let dir = "";

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "et-tools-"));
  vi.stubEnv("PATH", dir);
  vi.stubEnv("XDG_CACHE_HOME", dir);
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(dir, { recursive: true });
});

test("a missing program is named with the command that installs it", () => {
  expect(() => toolPath("helm3")).toThrow("helm3 is not on the PATH; to get it: bash .ci/tools helm");
});

test("tests that a machine cannot run are left out with a line that says why and what to do", () => {
  const browser = leftOut("").find(({ files }) => files === "test/**/*.browser.test.ts");
  expect(browser?.line).toBe(
    "left out: test/**/*.browser.test.ts, because chromium cannot be found; to get it: bash .ci/tools browser",
  );
});

test("tests that a machine can run are not left out", async () => {
  const before = leftOut("").length;
  const chromium = join(dir, "chromium");
  await writeFile(chromium, "#!/bin/sh\n", { mode: 0o755 });
  expect(toolPath("chromium")).toBe(chromium);
  expect(leftOut("")).toHaveLength(before - 1);
});

test("under CI nothing is left out, so that a missing program fails", () => {
  expect(leftOut("true")).toEqual([]);
  expect(leftOut("false").length).toBeGreaterThan(0);
});
