import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Daemon, observe } from "../fakes/daemon.ts";
import { type Ended, runProgram } from "../fakes/run-program.ts";
import { toolPath } from "../setup/tools.ts";

/** The images that `.ci/image` builds from this checkout. */
export const image = "localhost/evertoken:node24";
export const imageOfNode26 = "localhost/evertoken:node26";
/** Their base image. */
export const base = "docker.io/library/node:24-bookworm-slim";

/** As strict as a cluster: only /tmp can be written, no capabilities, an unprivileged user, little memory. */
const strict = [
  ...["--read-only", "--read-only-tmpfs=false", "--tmpfs=/tmp", "--cap-drop=ALL", "--security-opt=no-new-privileges"],
  ...["--user=65532:65532", "--memory=256m", "--network=host"],
];

export function podman(...args: readonly string[]): Promise<Ended> {
  return runProgram(toolPath("evertoken-podman"), args);
}

/** Runs one command in a container of an image. `program` replaces evertoken. */
export function runOnce(of: string, args: readonly string[], program?: string): Promise<Ended> {
  const entry = program === undefined ? [] : [`--entrypoint=${program}`];
  return podman("run", "--rm", "--no-healthcheck", ...strict, ...entry, of, ...args);
}

/** Runs a script by the Node of the image, and parses the JSON that the script prints. */
export async function ask<T>(of: string, script: string): Promise<T> {
  const { code, stdout, stderr } = await runOnce(of, ["--input-type=module", "--eval", script], "node");
  if (code !== 0) throw new Error(stderr);
  return JSON.parse(stdout) as T;
}

export async function inspect<T>(of: string): Promise<T> {
  const { stdout } = await podman("image", "inspect", of);
  return (JSON.parse(stdout) as T[])[0] as T;
}

export interface Container {
  /** Its program; podman passes signals on to it. */
  readonly daemon: Daemon;
  /** Runs a command beside the daemon, as `kubectl exec` does. */
  exec(...command: readonly string[]): Promise<Ended>;
  /** Sends SIGTERM, and SIGKILL after `seconds`. */
  stop(seconds: number): Promise<Ended>;
}

/** A folder with the configuration, mounted at /etc/evertoken and readable by all users, as from a ConfigMap. */
export interface Mount extends AsyncDisposable {
  write(files: Readonly<Record<string, string>>): Promise<void>;
  start(of: string, env?: Readonly<Record<string, string>>): Container;
}

export async function makeMount(): Promise<Mount> {
  const dir = await mkdtemp(join(tmpdir(), "et-mount-"));
  await chmod(dir, 0o755);
  const started: { name: string; daemon: Daemon }[] = [];
  return {
    async write(files) {
      for (const [name, text] of Object.entries(files)) {
        await writeFile(join(dir, name), text);
        await chmod(join(dir, name), 0o644);
      }
    },
    start(of, env = {}) {
      const name = `evertoken-test-${randomUUID()}`;
      const given = Object.entries(env).map(([key, value]) => `--env=${key}=${value}`);
      const args = ["run", "--rm", "--name", name, "--no-healthcheck", ...strict, ...given];
      const child = spawn(toolPath("evertoken-podman"), [...args, `--volume=${dir}:/etc/evertoken:ro`, of], {
        stdio: ["ignore", "pipe", "pipe"],
      });
      const daemon = observe(child);
      started.push({ name, daemon });
      return {
        daemon,
        exec: (...command) => podman("exec", name, ...command),
        stop: (seconds) => podman("stop", "--time", String(seconds), name),
      };
    },
    async [Symbol.asyncDispose]() {
      for (const { name, daemon } of started) {
        await podman("rm", "--force", "--ignore", "--time", "0", name);
        await daemon.exited;
      }
      await rm(dir, { recursive: true });
    },
  };
}

/** Follows the log of a container that runs already, from its first line. */
export function follow(name: string): Daemon {
  return observe(
    spawn(toolPath("evertoken-podman"), ["logs", "--follow", name], { stdio: ["ignore", "pipe", "pipe"] }),
  );
}
