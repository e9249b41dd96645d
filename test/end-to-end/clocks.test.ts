import { afterEach, beforeEach, expect, test } from "vitest";
import { configurationOf } from "../fakes/configuration.ts";
import { type Site, makeSite, rotated } from "../fakes/daemon.ts";
import { type TestRedis, startRedis } from "../fakes/redis.ts";
import { type TokenEndpoint, startTokenEndpoint, token } from "../fakes/token-endpoint.ts";

let site: Site;
let provider: TokenEndpoint;
let redis: TestRedis;
beforeEach(async () => {
  site = await makeSite();
  provider = await startTokenEndpoint();
  provider.otherwise(token({ expires_in: 20 }));
  redis = await startRedis({ port: true });
  await site.write("secret", "s3cret\n");
  await site.configure(configurationOf(provider.url, ["a", "b"], { redis: { url: redis.url } }));
});
afterEach(async () => {
  await site[Symbol.asyncDispose]();
  await provider.close();
  await redis.stop();
});

/** The environment of a daemon on a machine whose clock is wrong by so many seconds. */
function wrongBy(seconds: number): Readonly<Record<string, string>> {
  const code = `const right=Date.now;Date.now=()=>right()+${seconds * 1000}`;
  return { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(code)}` };
}

// A lease is 17 s here: a machine that is further behind would wait for its slot until the lease is over.
test.each([-20, -3600, 3600])("a machine whose clock is %i s ahead renews in time", async (seconds) => {
  const daemon = await site.start(wrongBy(seconds));
  for (const id of ["a", "b"]) await daemon.line(rotated(id, 2));
  const renewals = daemon.lines.filter(({ event }) => event === "rotation.succeeded");
  expect(renewals.filter(({ timeliness }) => timeliness === "late" || timeliness === "expired")).toEqual([]);
  // A token of 20 s that is renewed in time is renewed no sooner than needed either.
  expect(provider.seen.length).toBeLessThanOrEqual(6);
});

test("machines whose clocks are two hours apart take turns with the same credentials", async () => {
  const behind = await site.start(wrongBy(-3600));
  for (const id of ["a", "b"]) await behind.line(rotated(id, 1));
  behind.signal("SIGTERM");
  expect(await behind.exited).toBe(0);
  const ahead = await site.start(wrongBy(3600));
  for (const id of ["a", "b"]) await ahead.line(rotated(id, 2));
  const late = ahead.lines.filter(({ timeliness }) => timeliness === "late" || timeliness === "expired");
  expect(late).toEqual([]);
  expect(provider.seen.length).toBeLessThanOrEqual(6);
});
