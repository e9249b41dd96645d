import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import { expect, test } from "vitest";
import { redisProgram } from "../setup/redis.ts";
import { at, render } from "./helm.ts";

test("the bundled Redis starts by its script, hides its password from ps, and ends by SIGTERM", async () => {
  const manifests = await render({ bundledRedis: { enabled: true } });
  const container = at(manifests.one("StatefulSet"), "spec.template.spec.containers.0");
  const files = at(manifests.one("ConfigMap", "evertoken-redis"), "data") as Record<string, string>;
  const password = "A1b2C3d4E5";
  const dir = await mkdtemp(join(tmpdir(), "et-bundled-"));
  let child: ChildProcess | undefined;
  try {
    const here = (text = "") => text.replaceAll("/etc/valkey", dir).replaceAll("/data", join(dir, "data"));
    await mkdir(join(dir, "data"));
    await symlink(redisProgram() ?? "redis-server", join(dir, "valkey-server"));
    const socket = join(dir, "redis.sock");
    await writeFile(join(dir, "valkey.conf"), `${here(files["valkey.conf"])}port 0\nunixsocket ${socket}\n`);
    await writeFile(join(dir, "start.sh"), here(files["start.sh"]));

    const [program = "", script = ""] = at(container, "command") as string[];
    const env = { PATH: `${dir}:${process.env["PATH"]}`, VALKEY_PASSWORD: password };
    child = spawn(program, [here(script)], { env, stdio: "ignore" });
    const ended = once(child, "exit");
    const redis = new Redis({ path: socket, password, retryStrategy: () => 50, maxRetriesPerRequest: null });
    redis.on("error", () => undefined);
    expect(await redis.config("GET", "maxmemory-policy")).toEqual(["maxmemory-policy", "noeviction"]);
    expect(await redis.config("GET", "appendonly")).toEqual(["appendonly", "yes"]);
    expect(await readFile(`/proc/${child.pid}/cmdline`, "utf8")).not.toContain(password);

    const stranger = new Redis({ path: socket, retryStrategy: null });
    stranger.on("error", () => undefined);
    await expect(stranger.set("a", "b")).rejects.toThrow("NOAUTH");
    stranger.disconnect();
    redis.disconnect();
    child.kill("SIGTERM");
    expect(await ended).toEqual([0, null]);
  } finally {
    child?.kill("SIGKILL");
    await rm(dir, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  }
});
