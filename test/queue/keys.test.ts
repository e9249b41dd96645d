import { expect, test } from "vitest";
import { budgetKey, fleetKeysOf, keyStart, keysOf, wakeChannel } from "../../src/queue/keys.ts";

test("the keys are those that replicas of other releases use", () => {
  const { sealed, ...keys } = keysOf("evertoken", "acme");
  expect(Object.values({ ...keys, sealed: sealed("a.b") }).map((key) => key.replace(keys.tag, "TAG"))).toEqual([
    "TAG",
    ...["TAG:due", "TAG:running", "TAG:waiting", "TAG:publishing", "TAG:healthy"],
    ...["TAG:assumed", "TAG:later-secrets", "TAG:state", "TAG:fence"],
    ...["TAG:pause", "TAG:pause-probe", "TAG:host-pauses", "TAG:pace", "TAG:requests", "TAG:expiry"],
    ...["TAG:failing", "TAG:breaker", "TAG:quota", "TAG:history", "TAG:halts", "TAG:registered", "TAG:sealed:a.b"],
  ]);
  expect(keys.tag).toBe("{evertoken:acme}");
  const { loggedAction, ...fleet } = fleetKeysOf("evertoken");
  expect([...Object.values(fleet), loggedAction("1"), budgetKey("evertoken", "aws:eu-west-1")]).toEqual([
    "{evertoken}:providers",
    "{evertoken}:config",
    "{evertoken}:config-superseded",
    "{evertoken}:actions",
    "{evertoken}:fingerprint-key",
    "{evertoken}:preflight",
    "{evertoken:rebuild}:holder",
    "{evertoken:rebuild}:left",
    "{evertoken}:actions:1",
    "{evertoken:budget:aws:eu-west-1}",
  ]);
  expect(keyStart("evertoken")).toBe("{evertoken");
  expect(wakeChannel("evertoken")).toBe("evertoken:wake");
});
