import { expect, test } from "vitest";
import { Secret } from "../../src/core/credential.ts";
import { openPacedExchange } from "../../src/fleet/paced-exchange.ts";
import { credential, provider } from "../fakes/world.ts";
import { json, startTokenEndpoint } from "../fakes/token-endpoint.ts";
import { useDueIndex } from "../queue/fixture.ts";

const index = useDueIndex();
const PER_SECOND = 5;
const SLOT_MS = 1000 / PER_SECOND;

/** The client secrets in the order in which they were tried. */
async function run(limits: { readonly concurrency: number; readonly perSecond?: number }): Promise<string[]> {
  await using endpoint = await startTokenEndpoint();
  endpoint.next(json(401, { error: "invalid_client" }));
  const exchange = openPacedExchange(
    { ...provider, tokenEndpoint: endpoint.url, limits },
    { redis: index.redis, now: Date.now, elapsed: () => performance.now(), env: {} },
  );
  const secrets = [new Secret("old"), new Secret("new")];
  await exchange.exchange(credential(), secrets, AbortSignal.timeout(10_000));
  await exchange.close();
  return endpoint.seen.map(({ headers }) => {
    const [, encoded = ""] = headers.authorization?.split(" ") ?? [];
    return Buffer.from(encoded, "base64").toString().split(":")[1] ?? "";
  });
}

test("a try with the second secret takes a slot of the provider's rate for itself", async () => {
  const limits = { concurrency: 4, perSecond: PER_SECOND };
  await index.due.register([["acme", "s"]]);
  const { claimed } = await index.due.claim({ ...limits, leaseFloorMs: 10_000 });
  const sendAt = claimed[0]?.sendAt ?? 0;
  expect(await run(limits)).toEqual(["old", "new"]);
  expect(Number(await index.redis.call("GET", index.due.keys.pace))).toBeGreaterThanOrEqual(sendAt + 2 * SLOT_MS);
  expect(await index.now()).toBeGreaterThanOrEqual(sendAt + SLOT_MS);
});

test("without a rate nothing waits, and Redis gets no command", async () => {
  expect(await run({ concurrency: 4 })).toEqual(["old", "new"]);
  expect(await index.redis.call("GET", index.due.keys.pace)).toBeNull();
});
