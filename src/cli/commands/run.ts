import { hostname } from "node:os";
import type { Signals } from "../../daemon/daemon.ts";
import { faultOf } from "../../observe/fault.ts";
import { type Invocation, exitCode } from "../command.ts";
import { readConfigToFollow } from "../configuration.ts";
import type { ConfigOption } from "../options.ts";

/**
 * `evertoken run`: the daemon, until a signal stops it. The daemon is loaded only for a configuration without mistakes.
 */
export async function runCommand({ options, io }: Invocation<ConfigOption>): Promise<number> {
  // Before anything else: an early SIGHUP must not end the daemon.
  const signals: Signals = { hangup: () => void (signals.early = true), user: () => undefined, early: false };
  io.onSignal("SIGHUP", () => signals.hangup());
  io.onSignal("SIGUSR2", () => signals.user());
  const started = await readConfigToFollow(options.config, io);
  const { config } = started;
  const [{ runDaemon }, { makeLog }, { makeMetrics }, { makeOutput }, { makeRecent }] = await Promise.all([
    import("../../daemon/daemon.ts"),
    import("../../observe/log.ts"),
    import("../../observe/metrics.ts"),
    import("../../observe/output.ts"),
    import("../../observe/recent.ts"),
  ]);
  const instance = `${hostname()}:${process.pid}`;
  const recent = makeRecent(io.now);
  const metrics = makeMetrics({ version: io.version, nodeVersion: io.nodeVersion });
  const output = makeOutput({
    fd: 1,
    noteDropped: () => metrics.countDroppedLine(),
    tellDropped: (lines) => log.event("log.dropped", { lines }),
  });
  const write =
    config.log.format === "pretty" ? (await import("../../observe/pretty.ts")).prettyLines(output.write) : output.write;
  const log = recent.wrapLog(makeLog({ ...config.log, version: io.version, instance, write }));
  function fatal(error: unknown): void {
    log.event("app.fatal", faultOf(error));
    output.flush();
    process.exit(exitCode.runtime);
  }
  process.on("uncaughtException", fatal);
  process.on("unhandledRejection", fatal);
  try {
    return await runDaemon({ ...io, started, log, recent, metrics, instance, signals });
  } finally {
    output.flush();
  }
}
