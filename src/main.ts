#!/usr/bin/env node
import { OwnError } from "./core/own-error.ts";
import { readFileSync } from "node:fs";
import { constants } from "node:os";
import { isatty } from "node:tty";
import { styleText } from "node:util";
import { exitCode } from "./cli/command.ts";
import { commands } from "./cli/commands/index.ts";
import type { Io, Tone } from "./cli/io.ts";
import { runProgram } from "./cli/program.ts";
import { THREADS, doesAnyHang } from "./files/turns.ts";
import { faultOf } from "./observe/fault.ts";

/** The outermost edge: the only file that touches clock, chance, environment, signals and streams. */

// Before anything starts the threads: libuv reads it once. See files/turns.ts.
process.env["UV_THREADPOOL_SIZE"] = String(Math.max(THREADS, Number(process.env["UV_THREADPOOL_SIZE"]) || 0));
// Node waits at its end for threads that hang. Another program in its place, which ends at once, does not.
process.on("exit", (code) => {
  if (doesAnyHang()) process.execve?.(process.execPath, [process.execPath, "-e", `process.exitCode = ${code}`]);
});

// Node would open its inspector, through which everyone on this machine reads every secret.
process.on("SIGUSR1", () => undefined);
process.report.excludeEnv = true;

const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as {
  version: string;
};
const stop = new AbortController();
const styles = { bad: "red", doubtful: "yellow", good: "green", faint: "gray" } as const satisfies Record<Tone, string>;
const io: Io = {
  now: Date.now,
  elapsed: () => performance.now(),
  random: Math.random,
  env: process.env,
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
  paint: (tone, text) => styleText(styles[tone], text, { stream: process.stdout }),
  async ask(question) {
    const { createInterface } = await import("node:readline/promises");
    // Not as a terminal: readline would take Ctrl-C, and the program needs the signal.
    const lines = createInterface({ input: process.stdin, output: process.stderr, terminal: false });
    try {
      return await lines.question(question);
    } finally {
      lines.close();
    }
  },
  terminal: { input: isatty(0), output: isatty(1) },
  version,
  nodeVersion: process.version,
  stop: stop.signal,
  onSignal: (signal, listener) => void process.on(signal, listener),
};
// With this set, google-logging-utils makes GCP's SDK print each request with its payload, and each error text of the
// server.
delete process.env["GOOGLE_SDK_NODE_LOGGING"];

// The reader of the output may stop early (`| head`): end as a program does that leaves SIGPIPE alone.
process.stdout.on("error", ({ code }: NodeJS.ErrnoException) => {
  if (code === "EPIPE") process.exit(128 + constants.signals.SIGPIPE);
});

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => {
    const number = constants.signals[signal];
    // The first signal drains, the second ends the process at once.
    if (stop.signal.aborted) process.exit(128 + number);
    stop.abort(number);
  });
}

try {
  process.exitCode = await runProgram(process.argv.slice(2), commands, io);
} catch (error) {
  const text = error instanceof OwnError ? error.message : `unexpected fault: ${JSON.stringify(faultOf(error))}`;
  io.err(`evertoken: ${text}\n`);
  process.exitCode = exitCode.runtime;
}
// A handle that a library left open must not keep a finished program alive.
setTimeout(() => process.exit(), 500).unref();
