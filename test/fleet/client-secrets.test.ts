import { createSecretKey } from "node:crypto";
import { describe, expect, test } from "vitest";
import { makeClientSecrets } from "../../src/fleet/client-secrets.ts";
import { deriveKeys } from "../../src/daemon/crypto-keys.ts";
import { credential, provider } from "../fakes/world.ts";
import { useDueIndex } from "../queue/fixture.ts";

const key = Buffer.alloc(32, 7);
const printKey = createSecretKey(key);
const of = credential({ clientSecrets: [{ env: "NEW" }, { env: "OLD" }] });

describe("the secrets of a client", () => {
  test("are read anew each time, in order, without those that cannot be read while one remains", async () => {
    const env: Record<string, string> = { OLD: "b" };
    const secrets = makeClientSecrets(env, printKey, Date.now);
    const before = await secrets.read(of, provider);
    expect(before.secrets.map((secret) => secret.reveal())).toEqual(["b"]);
    expect(before.places).toEqual([2]);
    env["NEW"] = "a";
    const after = await secrets.read(of, provider);
    expect(after.secrets.map((secret) => secret.reveal())).toEqual(["a", "b"]);
    expect(after.print).not.toBe(before.print);
  });

  test("are an error of class `secret` when none can be read", async () => {
    const secrets = makeClientSecrets({}, printKey, Date.now);
    await expect(secrets.read(of, provider)).rejects.toMatchObject({ class: "secret", code: "unset", sent: false });
    expect(await secrets.haveChanged(of, provider, "")).toBe(false);
  });

  test("have changed when they, or the way they are sent, differ from what was refused", async () => {
    const env = { OLD: "b" };
    const secrets = makeClientSecrets(env, printKey, Date.now);
    const { print } = await secrets.read(of, provider);
    expect(await secrets.haveChanged(of, provider, print)).toBe(false);
    const post = { ...provider, auth: { method: "client_secret_post", encoding: "rfc6749" } } as const;
    expect(await secrets.haveChanged(of, post, print)).toBe(true);
    env.OLD = "c";
    expect(await secrets.haveChanged(of, provider, print)).toBe(true);
  });

  test("are tried once by each replica when replicas see different ones, however often they are refused", async () => {
    const one = makeClientSecrets({ OLD: "stale" }, printKey, Date.now);
    const two = makeClientSecrets({ OLD: "wrong" }, printKey, Date.now);
    const stale = (await one.read(of, provider)).print;
    const wrong = (await two.read(of, provider)).print;
    one.noteRefused(of.id, stale);
    expect(await two.haveChanged(of, provider, stale)).toBe(true);
    two.noteRefused(of.id, wrong);
    expect(await one.haveChanged(of, provider, wrong)).toBe(false);
    expect(await two.haveChanged(of, provider, stale)).toBe(false);
    expect(await two.haveChanged(credential({ ...of, id: "other" }), provider, stale)).toBe(true);
  });
});

describe("the keys of hashes", () => {
  const index = useDueIndex();

  test("are the same on every replica and in every run, with a seal key or without one", async () => {
    for (const seal of [[key], undefined] as const) {
      const [a, b] = [await deriveKeys(seal, index.redis), await deriveKeys(seal, index.redis)];
      expect(a.printKey.equals(b.printKey)).toBe(true);
      expect(a.versionKey.equals(b.versionKey)).toBe(true);
    }
  });

  test("stay the same while a new seal key is put in front, also on replicas that lack it", async () => {
    const [newKey, newest] = [Buffer.alloc(32, 8), Buffer.alloc(32, 9)];
    const before = await deriveKeys([key], index.redis);
    for (const keys of [[newKey, key] as const, [newest, newKey, key] as const]) {
      const after = await deriveKeys(keys, index.redis);
      expect(after.printKey.equals(before.printKey)).toBe(true);
      expect(after.versionKey.equals(before.versionKey)).toBe(true);
    }
    const without = await deriveKeys([newKey], index.redis);
    expect(without.printKey.equals(before.printKey)).toBe(false);
  });

  test("differ from fleet to fleet, also where no seal key is configured", async () => {
    const here = await deriveKeys(undefined, index.redis);
    await index.redis.call("FLUSHALL");
    expect((await deriveKeys(undefined, index.redis)).printKey.equals(here.printKey)).toBe(false);
    expect(here.seal).toBeUndefined();
  });
});
