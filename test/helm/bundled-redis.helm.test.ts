import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { redisProgram } from "../setup/redis.ts";
import { at, named, render } from "./helm.ts";

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

test("with the bundled Redis comes a seal key of 32 bytes, which is mounted and stays with the volume", async () => {
  const manifests = await render({ bundledRedis: { enabled: true } });
  const secret = manifests.one("Secret", "evertoken-seal");
  expect(secret.metadata["annotations"]).toEqual({ "helm.sh/resource-policy": "keep" });
  const text = Buffer.from(String(at(secret, "data.seal-key")), "base64").toString();
  expect(Buffer.from(text, "base64")).toHaveLength(32);
  const pod = at(manifests.one("Deployment"), "spec.template.spec");
  expect(named(at(pod, "volumes"), "seal-key")?.["secret"]).toMatchObject({ secretName: "evertoken-seal" });
  const daemon = parse(
    String(Object.values(at(manifests.one("ConfigMap", "evertoken"), "data") as object)[0]),
  ) as unknown;
  expect(at(daemon, "sealKey")).toEqual({ file: "/var/run/secrets/evertoken/seal/seal-key" });
});

test.each([
  ["a Secret", { sealKey: { existingSecret: "mine" } }],
  ["the configuration", { config: { sealKey: { file: "/keys/seal" } } }],
  ["nobody, on purpose", { config: { allowUnsealed: true } }],
])("the chart makes no seal key where it is named by %s", async (_, values) => {
  const manifests = await render({ bundledRedis: { enabled: true }, ...values });
  const names = manifests.all.filter(({ kind }) => kind === "Secret").map(({ metadata }) => metadata.name);
  expect(names).toEqual(["evertoken-redis"]);
});
