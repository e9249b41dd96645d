#!/usr/bin/env node
import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import { CommandError, type Io, exitCode } from "./cli/io.ts";
import type * as link from "./cli/link.ts";
import { type Commands, runProgram } from "./cli/program.ts";
import { faultOf } from "./fault.ts";

/** The outermost edge: the only file that touches clock, chance, environment, signals and streams. */

const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as {
  version: string;
};
const stop = new AbortController();
const io: Io = {
  now: Date.now,
  random: Math.random,
  env: process.env,
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
  version,
  stop: stop.signal,
};

// Each command imports what it needs: `--version` and `--help` start in a fraction of the daemon's time.
const configuration = async (option: string | undefined) => {
  const { configPath, readConfig } = await import("./cli/configuration.ts");
  return { ...readConfig(option, io), file: configPath(option, io) };
};
const withRedis: typeof link.withRedis = async (...args) => (await import("./cli/link.ts")).withRedis(...args);

const commands: Commands = {
  async run(options) {
    const { config, warnings } = await configuration(options.config);
    const [{ runDaemon }, { makeLog }, { makeMetrics }] = await Promise.all([
      import("./daemon.ts"),
      import("./observe/log.ts"),
      import("./observe/metrics.ts"),
    ]);
    const instance = `${hostname()}:${process.pid}`;
    // google-logging-utils: GCP's SDK would print every request with its payload, and every error text of the server.
    delete process.env["GOOGLE_SDK_NODE_LOGGING"];
    const log = makeLog({ ...config.log, version, instance });
    const metrics = makeMetrics({ version, nodeVersion: process.version });
    function fatal(error: unknown): void {
      log.event("app.fatal", faultOf(error));
      log.flush();
      process.exit(exitCode.runtime);
    }
    process.on("uncaughtException", fatal);
    process.on("unhandledRejection", fatal);
    return runDaemon({ ...io, config, warnings, log, metrics, instance });
  },
  async validate(options) {
    const { validateCommand } = await import("./cli/validate.ts");
    const { config, warnings, file } = await configuration(options.config);
    return validateCommand(config, warnings, file, options.offline, io);
  },
  async status(id, options) {
    const { credentialStatus, statusCommand } = await import("./cli/status.ts");
    const { config } = await configuration(options.config);
    return withRedis(config, io, (redis) =>
      id === undefined
        ? statusCommand(config, redis, options.output, io)
        : credentialStatus(config, redis, id, options.output, io),
    );
  },
  async rotate(ids, options) {
    const { rotateCommand } = await import("./cli/rotate.ts");
    const { parseDuration } = await import("./config/duration.ts");
    const timeoutMs = parseDuration(options.timeout);
    if (timeoutMs === undefined) throw new CommandError("--timeout wants a duration like 30s or 5m", exitCode.usage);
    const { config } = await configuration(options.config);
    return withRedis(config, io, (redis) => rotateCommand(config, redis, ids, { wait: options.wait, timeoutMs }, io));
  },
  async schema() {
    const { configSchema } = await import("./config/config.ts");
    io.out(`${JSON.stringify(configSchema(), undefined, 2)}\n`);
    return exitCode.ok;
  },
};

for (const [signal, number] of [
  ["SIGINT", 2],
  ["SIGTERM", 15],
] as const) {
  process.on(signal, () => {
    // The first drains, the second does not wait.
    if (stop.signal.aborted) process.exit(128 + number);
    stop.abort();
  });
}

try {
  process.exitCode = await runProgram(process.argv.slice(2), commands, io);
} catch (error) {
  // Only errors of our own have messages that are safe to show.
  const { name, message } = error as { name?: string; message?: string };
  const own = /^(RedisError|EmbeddedRedisError|SecretSourceError|ListenError|PublishError|ExchangeError)$/.test(
    name ?? "",
  );
  io.err(own ? `evertoken: ${message}\n` : `evertoken: unexpected fault: ${JSON.stringify(faultOf(error))}\n`);
  process.exitCode = exitCode.runtime;
}
// What a library may have left open must not keep a finished program alive.
setTimeout(() => process.exit(), 500).unref();
