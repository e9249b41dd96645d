import { hostname } from "node:os";
import { faultOf } from "../fault.ts";
import { type Invocation, exitCode } from "./command.ts";
import { readConfig } from "./configuration.ts";
import type { ConfigOption } from "./options.ts";

/** `evertoken run`: the daemon, until it is told to stop. A mistake in the configuration is told before anything is loaded. */
export async function runCommand({ options, io }: Invocation<ConfigOption>): Promise<number> {
  const { config, warnings } = await readConfig(options.config, io);
  const [{ runDaemon }, { makeLog }, { makeMetrics }, { makeRecent }] = await Promise.all([
    import("../daemon.ts"),
    import("../observe/log.ts"),
    import("../observe/metrics.ts"),
    import("../observe/recent.ts"),
  ]);
  const instance = `${hostname()}:${process.pid}`;
  const recent = makeRecent(io.now);
  const log = recent.through(makeLog({ ...config.log, version: io.version, instance }));
  const metrics = makeMetrics({ version: io.version, nodeVersion: io.nodeVersion });
  function fatal(error: unknown): void {
    log.event("app.fatal", faultOf(error));
    log.flush();
    process.exit(exitCode.runtime);
  }
  process.on("uncaughtException", fatal);
  process.on("unhandledRejection", fatal);
  return runDaemon({ ...io, config, warnings, log, recent, metrics, instance });
}
