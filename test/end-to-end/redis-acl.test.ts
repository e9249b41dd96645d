import { expect, test } from "vitest";
import { aclRules } from "../documents.ts";
import { configurationOf } from "../fakes/configuration.ts";
import { makeSite, rotated } from "../fakes/daemon.ts";
import { askRedis, startRedis } from "../fakes/redis.ts";
import { reset, startTokenEndpoint, token } from "../fakes/token-endpoint.ts";

test("the ACL rules of helm/README.md are enough for the daemon and every command, and for nothing else", async () => {
  await using redis = await startRedis({ port: true });
  const port = redis.port ?? 0;
  expect(await askRedis(port, `ACL SETUSER evertoken on >pass ${aclRules().join(" ")}`)).toBe("+OK\r\n");
  expect(await askRedis(port, "SET another:key 1")).toBe("+OK\r\n");
  await using provider = await startTokenEndpoint();
  provider.otherwise(token({ expires_in: 8 }));
  provider.next(reset);
  await using site = await makeSite();
  await site.write("secret", "s3cr3t");
  await site.configure(
    configurationOf(provider.url, ["a", "b"], {
      redis: { url: `redis://evertoken:pass@127.0.0.1:${port}` },
      sealKey: { file: await site.write("seal", Buffer.alloc(32, 7).toString("base64")) },
      providers: { p: { tokenEndpoint: provider.url, limits: { perSecond: 50, perHour: 100_000 } } },
    }),
  );
  const daemon = await site.start();
  for (const credential of ["a", "b"]) {
    await daemon.line(rotated(credential));
  }
  for (const [args, code] of [
    [["rotate", "a", "--wait"], 0],
    [["pause", "b", "--for", "1h", "--reason", "test"], 0],
    [["resume", "b"], 0],
    [["publish", "b"], 0],
    [["history", "a"], 0],
    [["status", "-o", "json"], 0],
    [["plan"], 0],
  ] as const) {
    const done = await site.run([...args, "--config", site.config]);
    expect([args[0], done.code, done.stderr]).toEqual([args[0], code, expect.not.stringContaining("NOPERM")]);
  }
  expect((await site.run(["doctor", "--config", site.config])).stdout).not.toContain("NOPERM");
  daemon.signal("SIGTERM");
  expect(await daemon.exited).toBe(0);
  expect(daemon.lines.filter((line) => line.event === "redis.error" || line.event === "app.fault")).toEqual([]);
  expect(await askRedis(port, "ACL DRYRUN evertoken GET another:key")).toContain("no permissions");
  expect(await askRedis(port, "ACL DRYRUN evertoken FLUSHALL")).toContain("no permissions");
}, 180_000);
