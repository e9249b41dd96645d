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
    // Tests wait for events, so that these bounds are met by what hangs only; on a busy machine a daemon may start in half a minute.
    testTimeout: 90_000,
    hookTimeout: 60_000,
  },
});
