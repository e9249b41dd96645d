import { readFile, readdir, stat, writeFile } from "node:fs/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { configurationOf } from "../../fakes/configuration.ts";
import { type Daemon, type Line, type Site, makeSite } from "../../fakes/daemon.ts";
import { alive } from "../../fakes/liveness.ts";
import { redisPid } from "../../fakes/redis.ts";
import { type TokenEndpoint, startTokenEndpoint, token } from "../../fakes/token-endpoint.ts";

/** The whole program on one machine: no `redis`, no `sealKey`, no cloud. */
describe("a daemon with a Redis of its own", () => {
  let site: Site;
  let provider: TokenEndpoint;

  beforeEach(async () => {
    site = await makeSite();
    provider = await startTokenEndpoint();
    provider.otherwise(token({ expires_in: 4 }));
    await site.write("secret", "s3cret\n");
    await site.configure(configuration());
  });
  afterEach(async () => {
    await site[Symbol.asyncDispose]();
    await provider.close();
  });

  const configuration = (over: object = {}): object => configurationOf(provider.url, ["a"], over);
  function revisions(daemon: Daemon): number[] {
    return daemon.lines.filter(({ event }) => event === "rotation.succeeded").map((line) => Number(line["revision"]));
  }
  async function guardOf(daemon: Daemon): Promise<number> {
    return Number((await daemon.line((line) => line.event === "redis.embedded_started"))["pid"]);
  }
  function server(): Promise<number> {
    return redisPid(site.path("evertoken-data/redis.sock"));
  }
  const after =
    (seen: number) =>
    (line: Line): boolean =>
      line.event === "rotation.succeeded" && Number(line["revision"]) > seen;

  test("goes on renewing when its Redis is killed, and counts on", async () => {
    const daemon = await site.start();
    await daemon.line(after(1));
    process.kill(await server(), "SIGKILL");
    await daemon.line((line) => line.event === "redis.embedded_restarted");
    const seen = Math.max(...revisions(daemon));
    await daemon.line(after(seen + 1));
    const counted = revisions(daemon);
    expect(counted).toEqual(counted.map((_, index) => index + 1));
  });

  test("takes its Redis with it when it is killed, and goes on where it was", async () => {
    const first = await site.start();
    await first.line(after(1));
    const pid = await server();
    first.signal("SIGKILL");
    await first.exited;
    await expect.poll(() => alive(pid), { timeout: 60_000, interval: 20 }).toBe(false);

    const second = await site.start();
    await second.line(after(Math.max(...revisions(first))));
    expect(Math.min(...revisions(second))).toBe(Math.max(...revisions(first)) + 1);
  });

  test("ends its Redis when it is stopped, and leaves no socket", async () => {
    const daemon = await site.start();
    const guard = await guardOf(daemon);
    const pid = await server();
    daemon.signal("SIGTERM");
    expect(await daemon.exited).toBe(0);
    expect([alive(guard), alive(pid)]).toEqual([false, false]);
    expect(await readdir(site.path("evertoken-data"))).not.toContain("redis.sock");
  });

  test("makes a seal key once, for its user only", async () => {
    const key = site.path("evertoken-data/seal-key");
    const first = await site.start();
    const made = await readFile(key, "utf8");
    expect((await stat(key)).mode & 0o777).toBe(0o600);
    first.signal("SIGTERM");
    await first.exited;
    await site.start();
    expect(await readFile(key, "utf8")).toBe(made);
  });

  test("refuses to start where another one runs, and leaves that one alone", async () => {
    const daemon = await site.start();
    const { code, stderr } = await site.run(["run", "--config", site.config]);
    expect(code).toBe(1);
    expect(stderr).toBe(
      `evertoken: another evertoken runs on ${site.path("evertoken-data")}; ` +
        "stop it, or give this one a dataDir of its own\n",
    );
    await daemon.line(after(Math.max(0, ...revisions(daemon))));
  });

  test("says in one line what to install where there is no redis-server", async () => {
    const { code, stderr } = await site.run(["run", "--config", site.config], { PATH: site.dir });
    expect(code).toBe(1);
    expect(stderr).toBe(
      "evertoken: there is no redis-server on this machine: install it (apt-get install redis-server), " +
        "or set redis: { url: ... } to use one elsewhere\n",
    );
    expect(provider.seen).toEqual([]);
  });

  test("says what to do about a data directory that cannot be used", async () => {
    await writeFile(site.path("file"), "");
    await site.configure(configuration({ dataDir: "file" }));
    const { code, stderr } = await site.run(["run", "--config", site.config]);
    expect(code).toBe(1);
    expect(stderr).toBe(
      `evertoken: the data directory ${site.path("file")} is not a folder (EEXIST); ` +
        "set dataDir to a folder of this user's, or redis: { url: ... } to use a Redis elsewhere\n",
    );
  });
});
