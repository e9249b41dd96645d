import { expect, test } from "vitest";
import { makeReconciler } from "../../src/fleet/reconciler.ts";
import { compareRosters, emptyRoster, makeRoster } from "../../src/fleet/roster.ts";
import { accepted } from "../config/fixture.ts";
import { useDueIndex } from "../queue/fixture.ts";

const index = useDueIndex();
const scheduled = async (): Promise<string[]> =>
  ((await index.redis.call("ZRANGE", index.due.keys.due, 0, -1)) as string[]).toSorted();

async function start(...ids: string[]) {
  const roster = await makeRoster(
    accepted(`
providers: { p: { tokenEndpoint: "https://login.example.com/token" } }
stores: { local: { type: file, dir: ./tokens } }
credentials: ${JSON.stringify(
      ids.map((id) => ({
        id,
        provider: "p",
        clientId: id,
        clientSecret: { file: "x" },
        publish: [{ store: "local", secret: id }],
      })),
    )}`),
  );
  const reconciler = makeReconciler({
    redis: index.redis,
    log: { event: () => undefined, setLevel: () => undefined },
    onError(error) {
      throw error;
    },
  });
  await reconciler.follow(roster, await compareRosters(emptyRoster, roster), 1);
  return reconciler;
}

test("the first round compares what a start took on trust: an older release may have changed it", async () => {
  await start("a", "b");
  expect(await scheduled()).toEqual(["a", "b"]);
  // The number of entries stays, and one of them is another.
  await index.redis.call("ZREM", index.due.keys.due, "a");
  await index.redis.call("ZADD", index.due.keys.due, 1, "x");
  const reconciler = await start("a", "b");
  expect(await scheduled()).toEqual(["b", "x"]);
  await reconciler.runRound(1);
  expect(await scheduled()).toEqual(["a", "b"]);
});
