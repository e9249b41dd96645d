import { type ChildProcess, spawn } from "node:child_process";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { configurationOf } from "../fakes/configuration.ts";
import { type Site, makeSite, rotated } from "../fakes/daemon.ts";
import { type TokenEndpoint, startTokenEndpoint } from "../fakes/token-endpoint.ts";

const MAIN = new URL("../../src/main.ts", import.meta.url).pathname;

/** Runs a command on a terminal of its own, made by script(1). Its output has carriage returns. */
function onTerminal(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const command = [process.execPath, MAIN, ...args].map((arg) => `'${arg}'`).join(" ");
  return observe("script", ["-qefc", command, "/dev/null"], { TERM: "xterm-256color", ...env });
}

const children = new Set<ChildProcess>();

function observe(program: string, args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const { PATH = "", HOME = "" } = process.env;
  const child = spawn(program, args, {
    env: { PATH, HOME, SHELL: "/bin/sh", ...env },
    stdio: ["pipe", "pipe", "pipe"],
  });
  children.add(child);
  let shown = "";
  const waiting = new Set<() => void>();
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk: Buffer) => {
      shown += chunk.toString();
      for (const wake of waiting) wake();
    });
  }
  const exited = new Promise<number | string>((resolve) => {
    child.on("close", (code, signal) => resolve(code ?? signal ?? "unknown"));
  });
  return {
    type: (text: string) => child.stdin.write(text),
    signal: (signal: NodeJS.Signals) => child.kill(signal),
    get shown() {
      return shown;
    },
    async until(holds: (shown: string) => boolean): Promise<void> {
      while (!holds(shown)) {
        await new Promise<void>((resolve) => {
          const wake = (): void => {
            waiting.delete(wake);
            resolve();
          };
          waiting.add(wake);
        });
      }
    },
    exited,
  };
}

describe("on a terminal", () => {
  let site: Site;
  let provider: TokenEndpoint;
  beforeAll(async () => {
    site = await makeSite();
    provider = await startTokenEndpoint();
    await site.write("secret", "s3cret");
    await site.configure(configurationOf(provider.url, ["acme", "globex"]));
    const daemon = await site.start();
    for (const id of ["acme", "globex"]) {
      await daemon.line(rotated(id));
    }
  });
  afterAll(async () => {
    for (const child of children) child.kill("SIGKILL");
    await site[Symbol.asyncDispose]();
    await provider.close();
  });

  test("--all asks for confirmation, and runs once the number is typed", async () => {
    const command = onTerminal(["rotate", "--all", "-c", site.config]);
    await command.until((shown) => shown.includes("Type 2 to go on: "));
    expect(command.shown).toContain("This will rotate 2 credentials (all).");
    command.type("2\n");
    expect(await command.exited).toBe(0);
    expect(command.shown).toContain("acme: rotation requested");
  });

  test("any other answer does nothing, with exit code 2", async () => {
    const command = onTerminal(["pause", "--all", "-c", site.config]);
    await command.until((shown) => shown.includes("Type 2 to go on: "));
    command.type("y\n");
    expect(await command.exited).toBe(2);
    expect(command.shown).toContain("evertoken: nothing was done");
    expect((await site.run(["status", "--state", "paused", "-o", "ndjson", "-c", site.config])).stdout).toBe("");
  });

  test("Ctrl-C at the question does nothing, with exit code 130", async () => {
    const command = onTerminal(["rotate", "--all", "-c", site.config]);
    await command.until((shown) => shown.includes("Type 2 to go on: "));
    command.type("\u0003");
    expect(await command.exited).toBe(130);
    expect(command.shown).not.toContain("rotation requested");
  });

  test("status is coloured, except with NO_COLOR, on a dumb terminal, or in a pipe", async () => {
    const coloured = onTerminal(["status", "-c", site.config]);
    expect(await coloured.exited).toBe(0);
    expect(coloured.shown).toContain("\u001B[32mAll 2 credentials fresh");
    for (const env of [{ NO_COLOR: "1" }, { TERM: "dumb" }]) {
      const plain = onTerminal(["status", "-c", site.config], env);
      expect(await plain.exited).toBe(0);
      expect(plain.shown).not.toContain("\u001B[");
    }
    expect((await site.run(["status", "-c", site.config])).stdout).not.toContain("\u001B");
  });

  test("status --watch clears and draws again until Ctrl-C, with exit code 130", async () => {
    const command = onTerminal(["status", "--watch", "200ms", "-c", site.config]);
    await command.until((shown) => shown.split("\u001B[H\u001B[2J").length > 2);
    command.type("\u0003");
    expect(await command.exited).toBe(130);
  });

  test("status --watch in a pipe prints one document per line, until SIGTERM ends it with 143", async () => {
    const command = observe(process.execPath, [MAIN, "status", "--watch", "200ms", "-o", "json", "-c", site.config]);
    await command.until((shown) => shown.split("\n").length > 2);
    command.signal("SIGTERM");
    expect(await command.exited).toBe(143);
    const [first = ""] = command.shown.split("\n");
    expect(JSON.parse(first)).toMatchObject({ schemaVersion: 1, credentials: 2 });
  });

  test("Ctrl-C ends --wait at once, with exit code 130", async () => {
    provider.otherwise(() => undefined);
    const command = observe(process.execPath, [
      MAIN,
      "rotate",
      "acme",
      "--wait",
      "--timeout",
      "10m",
      "-c",
      site.config,
    ]);
    const asked = provider.seen.length + 1;
    await provider.arrived(asked);
    command.signal("SIGINT");
    expect(await command.exited).toBe(130);
  });

  test("init asks for what no option gives, and an empty line takes the default in brackets", async () => {
    const command = onTerminal(["init", "--dir", site.path("new"), "--client-id", "mine"]);
    await command.until((shown) =>
      shown.includes("Token endpoint of the provider [https://login.example.com/oauth2/token]: "),
    );
    command.type(`${provider.url}\n`);
    await command.until((shown) => shown.includes("Name of the credential [acme]: "));
    command.type("\n");
    expect(await command.exited).toBe(0);
    const { stdout } = await site.run(["config", "show", "acme", "-o", "json", "-c", site.path("new/evertoken.yaml")]);
    expect(JSON.parse(stdout)).toMatchObject({ values: { clientId: "mine", "publish.0.store": "local" } });
  });
});
