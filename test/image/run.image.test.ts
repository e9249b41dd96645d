import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type FakeAws, startAws } from "../fakes/aws.ts";
import { configurationOf, configuredCredential } from "../fakes/configuration.ts";
import { rotated } from "../fakes/daemon.ts";
import { freePort } from "../fakes/free-port.ts";
import { type TestRedis, startRedis } from "../fakes/redis.ts";
import { type TokenEndpoint, startTokenEndpoint, token } from "../fakes/token-endpoint.ts";
import { type Container, type Mount, ask, image, imageOfNode26, makeMount, runOnce } from "./container.ts";

interface Published {
  readonly access_token: string;
  readonly revision: number;
}

const SEAL_KEY = "22".repeat(32);

describe("a read-only container of an unprivileged user, without capabilities, in 256 MB", () => {
  let mount: Mount;
  let provider: TokenEndpoint;
  let aws: FakeAws;
  let redis: TestRedis;
  let port: number;

  beforeEach(async () => {
    mount = await makeMount();
    provider = await startTokenEndpoint();
    aws = await startAws();
    redis = await startRedis({ port: true });
    port = await freePort();
  }, 120_000);
  afterEach(async () => {
    await mount[Symbol.asyncDispose]();
    await provider.close();
    await aws.close();
    await redis.stop();
  }, 120_000);

  function config(over: object = {}): string {
    const publish = [{ store: "aws", secret: "cyclr/acme" }];
    return JSON.stringify(
      configurationOf(provider.url, [], {
        redis: { url: redis.url },
        sealKey: { env: "SEAL_KEY" },
        http: { listen: `0.0.0.0:${port}` },
        shutdown: { drainTimeout: "60s" },
        defaults: {},
        stores: { aws: { type: "aws-secrets-manager", region: aws.region, endpoint: aws.url, create: true } },
        credentials: [configuredCredential("acme", { clientSecret: { file: "/etc/evertoken/secret" }, publish })],
        ...over,
      }),
    );
  }
  async function start(of: string): Promise<Container> {
    await mount.write({ "config.yaml": config(), secret: "s3cret\n" });
    return mount.start(of, { SEAL_KEY, ...aws.env });
  }
  async function statusOf(path: string): Promise<number> {
    const response = await fetch(`http://127.0.0.1:${port}${path}`);
    await response.arrayBuffer();
    return response.status;
  }

  test.each([
    ["Node 24", image],
    ["Node 26", imageOfNode26],
  ])(
    "on %s obtains a token, publishes it, answers probes and commands, and ends with 0",
    async (_name, of) => {
      provider.otherwise(token());
      const { daemon, exec } = await start(of);
      await daemon.line((line) => line.event === "app.ready", 120_000);
      await daemon.line(rotated("acme"), 120_000);
      const published = JSON.parse(aws.value("cyclr/acme") ?? "{}") as Published;
      expect(published).toMatchObject({ access_token: "2YotnFZFEjr1zCsicMWpAA", revision: 1 });

      for (const path of ["/startupz", "/livez", "/readyz", "/metrics"])
        expect([path, await statusOf(path)]).toEqual([path, 200]);
      expect(await exec("evertoken", "healthcheck")).toMatchObject({ code: 0 });
      const status = await exec("evertoken", "status", "-o", "json");
      expect(status.code).toBe(0);
      expect(JSON.parse(status.stdout)).toMatchObject({ schemaVersion: expect.anything() as unknown });
      expect(await exec("evertoken", "rotate", "acme", "--wait")).toMatchObject({ code: 0 });
      expect(JSON.parse(aws.value("cyclr/acme") ?? "{}")).toMatchObject({ revision: 2 });

      const asked = Date.now();
      daemon.signal("SIGTERM");
      expect(await daemon.exited).toBe(0);
      // Far below the drain timeout: nothing is left to wait for.
      expect(Date.now() - asked).toBeLessThan(30_000);
      expect(daemon.lines.at(-1)).toMatchObject({ event: "app.stopped", drained: true });
      expect(daemon.stderr).toBe("");
    },
    120_000,
  );

  test("ends by itself when it is stopped, long before a kill", async () => {
    const { daemon, stop } = await start(image);
    await daemon.line(rotated("acme"), 120_000);
    await stop(60);
    expect(await daemon.exited).toBe(0);
    expect(daemon.lines.at(-1)).toMatchObject({ event: "app.stopped", drained: true });
  }, 120_000);

  test("fails its health check while Redis is away, and passes it as soon as Redis is back", async () => {
    await redis.kill();
    const { daemon, exec } = await start(image);
    await daemon.line((line) => line.event === "redis.unreachable", 120_000);
    const unhealthy = await exec("evertoken", "healthcheck");
    expect(unhealthy).toMatchObject({ code: 3, stdout: "" });
    expect(unhealthy.stderr).toContain("/readyz");
    expect(await statusOf("/livez")).toBe(200);
    await redis.restart();
    await daemon.line((line) => line.event === "app.ready", 120_000);
    expect(await exec("evertoken", "healthcheck")).toMatchObject({ code: 0 });
  }, 120_000);

  test("without a configured Redis reports in one line that the image has none", async () => {
    await mount.write({ "config.yaml": config({ redis: undefined }), secret: "s3cret\n" });
    const { daemon } = mount.start(image, { SEAL_KEY });
    expect(await daemon.exited).toBe(1);
    expect(daemon.stderr).toMatch(/^evertoken: there is no redis-server .*set redis: \{ url: \.\.\. \}.*\n$/);
  }, 120_000);

  test("without a configuration names the file that it expects, and exits with 2", async () => {
    const { code, stderr } = await runOnce(image, []);
    expect(code).toBe(2);
    expect(stderr).toContain("/etc/evertoken/config.yaml");
    expect(stderr).toContain("there is no such file");
  }, 120_000);

  test("has no rights that it could misuse", async () => {
    const found = await ask<object>(
      image,
      `import { readFileSync, writeFileSync } from "node:fs";
       const lines = readFileSync("/proc/self/status", "utf8").trim().split("\\n");
       const status = Object.fromEntries(lines.map((line) => line.split(":\\t")));
       const refused = (path) => { try { writeFileSync(path, ""); } catch (error) { return error.code; } };
       console.log(JSON.stringify({
         user: [process.getuid(), process.getgid(), process.getgroups()],
         capabilities: [status.CapEff, status.CapPrm, status.CapBnd],
         noNewPrivileges: status.NoNewPrivs,
         memory: process.constrainedMemory(),
         app: refused("/app/x"),
         root: refused("/x"),
         tmp: refused("/tmp/x") ?? "written",
       }));`,
    );
    const none = "0".repeat(16);
    expect(found).toEqual({
      user: [65_532, 65_532, [65_532]],
      capabilities: [none, none, none],
      noNewPrivileges: "1",
      memory: 256 * 1024 * 1024,
      app: "EROFS",
      root: "EROFS",
      tmp: "written",
    });
  }, 120_000);
});
