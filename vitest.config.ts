import { defineConfig } from "vitest/config";
import { leftOut } from "./test/setup/tools.ts";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    exclude: leftOut().map(({ files }) => files),
    globalSetup: "test/setup/left-out.ts",
    pool: "forks",
    // Most of the suite waits for real servers and daemons of its own, and each of those wants a core now and then.
    maxWorkers: 3,
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
});
