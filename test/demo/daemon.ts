import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { Line } from "../fakes/daemon.ts";
import type { Surroundings } from "./surroundings.ts";

const MAIN = new URL("../../src/main.ts", import.meta.url).pathname;
/** Longer than the `drainTimeout` of the configuration. */
const STOP_MS = 10_000;

export interface Daemon extends AsyncDisposable {
  readonly ready: Promise<void>;
  /** The exit code, or the name of the signal that ended it. */
  readonly exited: Promise<number | string>;
  /** The last ten lines that it wrote, for when it ends by itself. */
  lastLines(): string;
  /** Sends SIGTERM and resolves as `exited` does. */
  stop(): Promise<number | string>;
}

/** The real program as a child: `evertoken run --config FILE`. */
export function startDaemon({ config, env, dir }: Surroundings, onLine: (line: Line) => void): Daemon {
  const { PATH = "", HOME = "" } = process.env;
  const child = spawn(process.execPath, [MAIN, "run", "--config", config], {
    cwd: dir,
    env: { PATH, HOME, ...env },
    stdio: ["ignore", "pipe", "pipe"],
    detached: true, // Ctrl-C in the terminal ends the demo, which then stops the daemon
  });
  const last: string[] = [];
  const kill = (): boolean => child.kill("SIGKILL");
  process.on("exit", kill);
  const exited = new Promise<number | string>((resolve) => {
    child.on("error", () => resolve("not started"));
    child.on("close", (code, signal) => {
      process.off("exit", kill);
      resolve(code ?? signal ?? "unknown");
    });
  });
  let isReady: () => void = () => undefined;
  const ready = new Promise<void>((resolve) => (isReady = resolve));
  function read(text: string): void {
    last.push(text);
    if (last.length > 10) last.shift();
    if (!text.startsWith("{")) return;
    const line = JSON.parse(text) as Line;
    if (line.event === "app.ready") isReady();
    onLine(line);
  }
  for (const input of [child.stdout, child.stderr]) createInterface({ input }).on("line", read);

  async function stop(): Promise<number | string> {
    child.kill("SIGTERM");
    const timer = setTimeout(kill, STOP_MS);
    const code = await exited;
    clearTimeout(timer);
    return code;
  }
  return {
    ready,
    exited,
    lastLines: () => last.join("\n"),
    stop,
    async [Symbol.asyncDispose]() {
      await stop();
    },
  };
}
