import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdir, mkdtemp, readFile, readdir, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  type EmbeddedEvent,
  type EmbeddedRedis,
  EmbeddedRedisError,
  embeddedSocket,
  ensureSealKey,
  startEmbeddedRedis,
} from "../../../src/daemon/embedded/redis.ts";
import { alive } from "../../fakes/liveness.ts";
import { askRedis as redis, redisPid } from "../../fakes/redis.ts";
import { redisProgram } from "../../setup/redis.ts";

const EMBEDDED = new URL("../../../src/daemon/embedded/redis.ts", import.meta.url).href;
const env = { PATH: process.env["PATH"] };
const elapsed = (): number => performance.now();

/** The events of one embedded Redis; `next` waits for one that has not come yet. */
function eventLog() {
  const events: EmbeddedEvent[] = [];
  const waiting = new Set<() => void>();
  return {
    events,
    onEvent(event: EmbeddedEvent): void {
      events.push(event);
      for (const wake of waiting) wake();
    },
    async next(kind: EmbeddedEvent["kind"], count = 1): Promise<EmbeddedEvent> {
      for (;;) {
        const found = events.filter((event) => event.kind === kind)[count - 1];
        if (found !== undefined) return found;
        await new Promise<void>((resolve) => {
          waiting.add(resolve);
        });
      }
    },
  };
}

/** A setting as Redis itself reports it. */
async function setting(socket: string, name: string): Promise<string> {
  return (await redis(socket, `CONFIG GET ${name}`)).split("\r\n")[4] ?? "";
}

/** Polls, because the end of a process that is no child of this one causes no event. */
async function vanished(pid: number): Promise<void> {
  await expect.poll(() => alive(pid), { timeout: 60_000, interval: 20 }).toBe(false);
}

async function failure(promise: Promise<unknown>): Promise<EmbeddedRedisError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(EmbeddedRedisError);
  return error as EmbeddedRedisError;
}

describe("the embedded Redis", () => {
  let root: string;
  let dataDir: string;
  const open: { close(): Promise<void> }[] = [];

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), "et-emb-"));
    dataDir = join(root, "data");
  });
  afterEach(async () => {
    for (const each of open.splice(0).toReversed()) await each.close();
    await rm(root, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  });

  async function start(log = eventLog(), dir = dataDir): Promise<EmbeddedRedis> {
    const embedded = await startEmbeddedRedis({ dataDir: dir, env, elapsed, onEvent: log.onEvent });
    open.push(embedded);
    return embedded;
  }

  /** A program of its own that runs an embedded Redis, as a daemon that can be killed. */
  async function startDaemon(): Promise<{ child: ChildProcess; socket: string }> {
    const program = `
      import { startEmbeddedRedis } from ${JSON.stringify(EMBEDDED)};
      const { socket } = await startEmbeddedRedis({
        dataDir: ${JSON.stringify(dataDir)}, env: process.env, elapsed: () => performance.now(), onEvent() {},
      });
      console.log(socket);
      process.stdin.resume();`;
    const child = spawn(process.execPath, ["--input-type=module", "--eval", program], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    const exited = once(child, "exit");
    open.push({
      async close() {
        child.kill("SIGKILL");
        await exited;
      },
    });
    const [line] = (await Promise.race([
      once(createInterface({ input: child.stdout }), "line"),
      exited.then(() => ["the daemon is gone"]),
    ])) as [string];
    return { child, socket: line };
  }

  async function kill(child: ChildProcess): Promise<void> {
    const exited = once(child, "exit");
    child.kill("SIGKILL");
    await exited;
  }

  test("answers on a socket in the data directory, and nowhere else", async () => {
    const { socket } = await start();
    expect(socket).toBe(join(dataDir, "redis.sock"));
    expect(socket).toBe(embeddedSocket(dataDir));
    expect(await redis(socket, "PING")).toBe("+PONG\r\n");
    expect(await setting(socket, "port")).toBe("0");
  });

  test("keeps everything: an append-only file, no snapshots, no eviction", async () => {
    const { socket } = await start();
    expect(await setting(socket, "appendonly")).toBe("yes");
    expect(await setting(socket, "appendfsync")).toBe("everysec");
    expect(await setting(socket, "save")).toBe("");
    expect(await setting(socket, "maxmemory-policy")).toBe("noeviction");
  });

  test("shows nothing to other users, even in a folder that they may read", async () => {
    await mkdir(dataDir, { mode: 0o755 });
    await chmod(dataDir, 0o755);
    const { socket } = await start();
    expect(await redis(socket, "SET a 1")).toBe("+OK\r\n");
    expect((await stat(socket)).mode & 0o077).toBe(0);
    const names = await readdir(dataDir, { recursive: true });
    expect(names).toContain("appendonlydir");
    for (const name of names) expect([name, (await stat(join(dataDir, name))).mode & 0o077]).toEqual([name, 0]);
  });

  test("makes the data directory for its user only", async () => {
    await start();
    expect((await stat(dataDir)).mode & 0o777).toBe(0o700);
  });

  test("has none of the daemon's environment, where client secrets may be", async () => {
    const bin = join(root, "bin");
    const seen = join(root, "environment");
    await mkdir(bin);
    const script = `#!/bin/sh\nexport -p > '${seen}'\nexec '${redisProgram()}' "$@"\n`;
    await writeFile(join(bin, "redis-server"), script, { mode: 0o755 });
    process.env["ET_TEST_CANARY"] = "canary-in-the-environment";
    try {
      open.push(await startEmbeddedRedis({ dataDir, env: { PATH: bin }, elapsed, onEvent: () => undefined }));
      const environment = await readFile(seen, "utf8");
      expect(environment).toContain(`export PATH='${bin}'`);
      expect(environment).not.toContain("canary");
    } finally {
      delete process.env["ET_TEST_CANARY"];
    }
  });

  test("replaces a path that is too long for a socket by a short one, the same every time", async () => {
    const limit = 100 - "/redis.sock".length;
    const fits = `/${"d".repeat(limit - 1)}`;
    expect(embeddedSocket(fits)).toBe(`${fits}/redis.sock`);
    const long = `${fits}d`;
    expect(embeddedSocket(long)).toMatch(/evertoken-[0-9a-f]{16}\/redis\.sock$/);
    expect(embeddedSocket(long)).toBe(embeddedSocket(long));
    expect(embeddedSocket(long)).not.toBe(embeddedSocket(`${long}d`));
  });

  test("works in a data directory whose path is too long for a socket", async () => {
    const deep = join(dataDir, "a folder with 'quotes'", "d".repeat(120));
    const { socket } = await start(eventLog(), deep);
    open.unshift({ close: () => rm(dirname(socket), { recursive: true, force: true }) });
    expect(Buffer.byteLength(socket)).toBeLessThanOrEqual(100);
    expect((await stat(dirname(socket))).mode & 0o777).toBe(0o700);
    expect(await redis(socket, "SET a 1")).toBe("+OK\r\n");
    expect(await readdir(deep)).toContain("appendonlydir");
  });

  test("refuses a socket folder in the temporary folder that others may write", async () => {
    const deep = join(dataDir, "d".repeat(120));
    const folder = dirname(embeddedSocket(deep));
    await mkdir(folder);
    await chmod(folder, 0o777);
    open.push({ close: () => rm(folder, { recursive: true, force: true }) });
    const error = await failure(start(eventLog(), deep));
    expect(error.code).toBe("data_dir");
    expect(error.message).toContain(`${folder} must be a folder of this user's with mode 0700`);
  });

  test("ends when it is closed: no Redis, no guard, no socket; its data stay", async () => {
    const log = eventLog();
    const first = await start(log);
    expect(await redis(first.socket, "SET token sealed")).toBe("+OK\r\n");
    const pid = await redisPid(first.socket);
    const guard = (await log.next("started")).pid ?? 0;
    await first.close();
    expect(alive(pid)).toBe(false);
    expect(alive(guard)).toBe(false);
    expect(await readdir(dataDir)).not.toContain(basename(first.socket));
    expect(log.events.map(({ kind }) => kind)).toEqual(["started"]);

    const second = await start();
    expect(await redis(second.socket, "GET token")).toBe("$6\r\nsealed\r\n");
  });

  test("dies with a daemon that is killed, and the next one finds the data", async () => {
    const { child, socket } = await startDaemon();
    expect(await redis(socket, "SET token sealed")).toBe("+OK\r\n");
    const pid = await redisPid(socket);
    expect(alive(pid)).toBe(true);
    await kill(child);
    await vanished(pid);

    const next = await start();
    expect(await redis(next.socket, "GET token")).toBe("$6\r\nsealed\r\n");
  });

  test("starts at once after a kill, while the Redis of the killed daemon is still ending", async () => {
    const { child, socket } = await startDaemon();
    expect(await redis(socket, "SET token sealed")).toBe("+OK\r\n");
    const pid = await redisPid(socket);
    await kill(child);
    const next = await start();
    expect(await redisPid(next.socket)).not.toBe(pid);
    expect(await redis(next.socket, "GET token")).toBe("$6\r\nsealed\r\n");
    await vanished(pid);
  });

  test("refuses a data directory that another daemon uses, and leaves that one alone", async () => {
    const { socket } = await startDaemon();
    const pid = await redisPid(socket);
    const error = await failure(start());
    expect(error.code).toBe("in_use");
    expect(error.message).toBe(`another evertoken runs on ${dataDir}; stop it, or give this one a dataDir of its own`);
    expect(await redisPid(socket)).toBe(pid);
  });

  test("recognizes the data directory under another name", async () => {
    await start();
    const alias = join(root, "alias");
    await symlink(dataDir, alias);
    expect((await failure(start(eventLog(), alias))).code).toBe("in_use");
  });

  test("lets one of two daemons that start together have the data directory", async () => {
    const both = await Promise.allSettled([start(), start()]);
    const lost = both.filter((each) => each.status === "rejected").map((each) => each.reason as EmbeddedRedisError);
    expect(lost.map(({ code }) => code)).toEqual(["in_use"]);
    expect(await redis(embeddedSocket(dataDir), "PING")).toBe("+PONG\r\n");
  });

  test("is restarted with its data when it dies by itself", async () => {
    const log = eventLog();
    const { socket } = await start(log);
    expect(await redis(socket, "SET token sealed")).toBe("+OK\r\n");
    const pid = await redisPid(socket);
    process.kill(pid, "SIGKILL");
    await log.next("restarted");
    expect(log.events.map(({ kind }) => kind)).toEqual(["started", "exited", "restarted"]);
    expect(await redisPid(socket)).not.toBe(pid);
    expect(await redis(socket, "GET token")).toBe("$6\r\nsealed\r\n");
  });

  test("never runs twice when only its guard is killed", async () => {
    const log = eventLog();
    const { socket } = await start(log);
    const pid = await redisPid(socket);
    process.kill((await log.next("started")).pid ?? 0, "SIGKILL");
    await log.next("restarted");
    await vanished(pid);
    expect(await redisPid(socket)).not.toBe(pid);
  });

  test("leaves no process behind, however often it has died", async () => {
    const log = eventLog();
    const embedded = await start(log);
    const groups = [(await log.next("started")).pid ?? 0];
    for (const count of [1, 2]) {
      process.kill(await redisPid(embedded.socket), "SIGKILL");
      groups.push((await log.next("restarted", count)).pid ?? 0);
    }
    await embedded.close();
    for (const group of groups) await vanished(-group);
  });

  test("reports that it could not be restarted, goes on trying, and can be closed meanwhile", async () => {
    const log = eventLog();
    const embedded = await start(log);
    const appendOnly = join(dataDir, "appendonlydir");
    const pid = await redisPid(embedded.socket);
    await rm(appendOnly, { recursive: true });
    await writeFile(appendOnly, "not a folder");
    process.kill(pid, "SIGKILL");
    const failed = await log.next("failed");
    expect(failed.message).toContain(`did not start on ${dataDir}; the reason is in ${join(dataDir, "redis.log")}`);
    await log.next("failed", 2);
    await rm(appendOnly);
    await log.next("restarted");
    expect(await redis(embedded.socket, "PING")).toBe("+PONG\r\n");
    process.kill(await redisPid(embedded.socket), "SIGKILL");
    await log.next("exited", 2);
    await embedded.close();
    await expect(redis(embedded.socket, "PING")).rejects.toThrow(/ENOENT|ECONNREFUSED/);
  });

  test("says in one line what to install where there is no redis-server", async () => {
    const error = await failure(
      startEmbeddedRedis({ dataDir, env: { PATH: root }, elapsed, onEvent: () => undefined }),
    );
    expect(error.code).toBe("not_installed");
    expect(error.message).toBe(
      "there is no redis-server on this machine: install it (apt-get install redis-server), " +
        "or set redis: { url: ... } to use one elsewhere",
    );
    await expect(stat(dataDir)).rejects.toThrow("ENOENT");
  });

  test("runs a valkey-server where there is no redis-server", async () => {
    const bin = join(root, "bin");
    await mkdir(bin);
    await symlink(redisProgram() ?? "", join(bin, "valkey-server"));
    const embedded = await startEmbeddedRedis({ dataDir, env: { PATH: bin }, elapsed, onEvent: () => undefined });
    open.push(embedded);
    expect(await redis(embedded.socket, "PING")).toBe("+PONG\r\n");
  });

  test("says where the reason stands when redis-server does not start", async () => {
    const bin = join(root, "bin");
    await mkdir(bin);
    await writeFile(join(bin, "redis-server"), "#!/bin/sh\nexit 1\n", { mode: 0o755 });
    const error = await failure(startEmbeddedRedis({ dataDir, env: { PATH: bin }, elapsed, onEvent: () => undefined }));
    expect(error.code).toBe("start_failed");
    expect(error.message).toContain(join(dataDir, "redis.log"));
    await start(); // the data directory is free again
  });

  test("refuses a data directory that is a file, or lies in one", async () => {
    await writeFile(dataDir, "");
    for (const dir of [dataDir, join(dataDir, "below")]) {
      const error = await failure(start(eventLog(), dir));
      expect(error.code).toBe("data_dir");
      expect(error.message).toContain(`the data directory ${dir} is not a folder`);
      expect(error.message).toContain("set dataDir to a folder of this user's");
    }
  });

  test("refuses a data directory that cannot be written", async () => {
    const error = await failure(start(eventLog(), "/sys/evertoken"));
    expect(error.code).toBe("data_dir");
    expect(error.message).toMatch(/^the data directory \/sys\/evertoken cannot be written \(\w+\); set dataDir/);
  });
});

describe("the seal key of one machine", () => {
  let dataDir: string;

  beforeEach(async () => {
    dataDir = await mkdtemp(join(tmpdir(), "et-key-"));
  });
  afterEach(() => rm(dataDir, { recursive: true, force: true }));

  test("is 32 random bytes that only its user may read", async () => {
    const file = join(dataDir, "seal-key");
    expect(await ensureSealKey(dataDir)).toEqual({ file });
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(Buffer.from((await readFile(file, "utf8")).trim(), "base64")).toHaveLength(32);
    const other = join(dataDir, "other");
    await mkdir(other);
    await ensureSealKey(other);
    expect(await readFile(join(other, "seal-key"), "utf8")).not.toBe(await readFile(file, "utf8"));
  });

  test("is never replaced, and nothing else is left beside it", async () => {
    const { file } = (await ensureSealKey(dataDir)) as { file: string };
    const before = await readFile(file, "utf8");
    await Promise.all([ensureSealKey(dataDir), ensureSealKey(dataDir)]);
    expect(await readFile(file, "utf8")).toBe(before);
    expect(await readdir(dataDir)).toEqual(["seal-key"]);
  });

  test("is the same for all callers of the same moment", async () => {
    await Promise.all(Array.from({ length: 8 }, () => ensureSealKey(dataDir)));
    expect(await readdir(dataDir)).toEqual(["seal-key"]);
  });

  test("cannot be made where the data directory is not a folder", async () => {
    const file = join(dataDir, "file");
    await writeFile(file, "");
    const error = await failure(ensureSealKey(file));
    expect(error.code).toBe("data_dir");
    expect(error.message).toContain(`the data directory ${file} is not a folder`);
  });
});
