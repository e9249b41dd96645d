import { type ChildProcess, spawn } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { type Ended, exitOf, runProgram } from "./run-program.ts";

const MAIN = new URL("../../src/main.ts", import.meta.url).pathname;

export type Line = Readonly<Record<string, unknown>> & { readonly event: string; readonly credential?: string };

export interface Daemon extends AsyncDisposable {
  readonly pid: number;
  /** Base address of its HTTP listener. */
  readonly url: string;
  readonly lines: readonly Line[];
  readonly stderr: string;
  /** Everything that it has written to stdout. */
  readonly stdout: string;
  /** The first line, past or to come, for which `holds`. */
  line(holds: (line: Line) => boolean, timeoutMs?: number): Promise<Line>;
  signal(signal: NodeJS.Signals): void;
  /** Exit code, or the name of the signal that ended it. */
  readonly exited: Promise<number | string>;
}

/** Whether a line reports a rotation of this credential that published `revision` or a later one. */
export function rotated(credential: string, revision = 1): (line: Line) => boolean {
  return (line) =>
    line.event === "rotation.succeeded" && line.credential === credential && Number(line["revision"]) >= revision;
}

/** A folder with a configuration, for real daemons and real commands. */
export interface Site extends AsyncDisposable {
  readonly dir: string;
  readonly config: string;
  path(name: string): string;
  write(name: string, text: string): Promise<string>;
  /**
   * Writes the configuration (JSON is YAML). `http.listen` defaults to a free port; a Redis needs no seal key, unless
   * `allowUnsealed` says so.
   */
  configure(config: object): Promise<void>;
  /** Resolves when the daemon is ready. `file`: another configuration file; `main`: the program of another release. */
  start(env?: Readonly<Record<string, string>>, file?: string, main?: string): Promise<Daemon>;
  /** Starts a daemon and does not wait until it is ready. */
  launch(env?: Readonly<Record<string, string>>, file?: string, main?: string): Daemon;
  run(args: readonly string[], env?: Readonly<Record<string, string>>): Promise<Ended>;
}

export async function makeSite(): Promise<Site> {
  const dir = await mkdtemp(join(tmpdir(), "et-site-"));
  const config = join(dir, "config.yaml");
  const daemons = new Set<Daemon>();

  function launch(env: Readonly<Record<string, string>> = {}, file = config, main = MAIN): Daemon {
    const child = spawn(process.execPath, [main, "run", "--config", file], {
      env: cleanEnv(env),
      stdio: ["ignore", "pipe", "pipe"],
    });
    const daemon = observe(child);
    daemons.add(daemon);
    return daemon;
  }

  async function end(): Promise<void> {
    for (const daemon of daemons) {
      daemon.signal("SIGKILL");
      await daemon.exited;
    }
    await rm(dir, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  }

  return {
    dir,
    config,
    path: (name) => join(dir, name),
    async write(name, text) {
      await mkdir(dirname(join(dir, name)), { recursive: true });
      await writeFile(join(dir, name), text, { mode: 0o600 });
      return join(dir, name);
    },
    async configure(value) {
      const unsealed = "redis" in value && !("sealKey" in value && value.sealKey !== undefined);
      const added = { http: { listen: "127.0.0.1:0" }, ...(unsealed && { allowUnsealed: true }) };
      await writeFile(config, JSON.stringify({ ...added, ...value }));
    },
    async start(env, file, main) {
      const daemon = launch(env, file, main);
      await daemon.line((line) => line.event === "app.ready");
      return daemon;
    },
    launch,
    run: (args, env = {}) => runProgram(process.execPath, [MAIN, ...args], { env: cleanEnv(env) }),
    [Symbol.asyncDispose]: end,
  };
}

/** The given environment, with none of the machine's variables that could change what a daemon does. */
function cleanEnv(env: Readonly<Record<string, string>>): Record<string, string> {
  const { PATH = "", HOME = "" } = process.env;
  return { PATH, HOME, ...env };
}

/** Reads the output of a daemon that runs already. */
export function observe(child: ChildProcess): Daemon {
  const lines: Line[] = [];
  const waiting = new Set<() => void>();
  let stdout = "";
  let stderr = "";
  let gone = false;
  child.stderr?.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  if (child.stdout) {
    createInterface({ input: child.stdout }).on("line", (text) => {
      stdout += `${text}\n`;
      if (text.startsWith("{")) lines.push(JSON.parse(text) as Line);
      for (const wake of waiting) wake();
    });
  }
  const exited = exitOf(child).then((code) => {
    gone = true;
    for (const wake of waiting) wake();
    return code;
  });

  async function line(holds: (line: Line) => boolean, timeoutMs = 90_000): Promise<Line> {
    const deadline = Date.now() + timeoutMs;
    for (;;) {
      const found = lines.find(holds);
      if (found !== undefined) return found;
      if (gone || Date.now() >= deadline) {
        throw new Error(
          `the daemon did not log this line${gone ? " and has ended" : ""}; its last lines:\n` +
            `${stdout.slice(-2000)}${stderr}`,
        );
      }
      await new Promise<void>((resolve) => {
        const timer = setTimeout(done, deadline - Date.now());
        function done(): void {
          clearTimeout(timer);
          waiting.delete(done);
          resolve();
        }
        waiting.add(done);
      });
    }
  }

  const daemon: Daemon = {
    pid: child.pid ?? 0,
    get url() {
      return `http://${String(lines.find((each) => each.event === "app.started")?.["listen"])}`;
    },
    lines,
    get stderr() {
      return stderr;
    },
    get stdout() {
      return stdout;
    },
    line,
    signal: (signal) => void child.kill(signal),
    exited,
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await exited;
    },
  };
  return daemon;
}
