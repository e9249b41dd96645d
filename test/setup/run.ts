import { spawn } from "node:child_process";
import { constants } from "node:os";
import { fileURLToPath } from "node:url";
import { NoRedisServer, ensureRedisServer } from "./redis.ts";

/** `npm test`: installs redis-server, which npm cannot, and runs vitest with the given arguments. */

const vitest = fileURLToPath(new URL("../../node_modules/vitest/vitest.mjs", import.meta.url));

try {
  await ensureRedisServer();
  process.exitCode = await runVitest(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof NoRedisServer)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}

function runVitest(args: readonly string[]): Promise<number> {
  const child = spawn(process.execPath, [vitest, "run", ...args], { stdio: "inherit" });
  // A terminal sends Ctrl-C to both processes; this one waits until vitest has ended its workers.
  process.on("SIGINT", () => undefined);
  process.on("SIGTERM", () => child.kill("SIGTERM"));
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal])));
  });
}
