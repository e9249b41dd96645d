import { createSecretKey } from "node:crypto";
import { SecretManagerServiceClient } from "@google-cloud/secret-manager";
import { credentials } from "@grpc/grpc-js";
import { PassThroughClient } from "google-auth-library";
import { describe, expect, test } from "vitest";
import type { Target } from "../../../src/core/credential.ts";
import type { Held } from "../../../src/core/ports/store.ts";
import { recordOfListing } from "../../../src/core/rotation/listings.ts";
import { encodeRecord } from "../../../src/core/rotation/record-codec.ts";
import { openStore } from "../../../src/publish/open-store.ts";
import { renderPayload } from "../../../src/publish/payload.ts";
import { HOUR, recordOf, run } from "../../core/rotation/fixture.ts";
import { startGcp } from "../../fakes/gcp.ts";
import { credential, makeWorld, target } from "../../fakes/world.ts";

const PROJECT = "projects/acme-test";
const NAME = `${PROJECT}/secrets/acme`;

/** A credential whose secret holds two versions of somebody else; the second looks almost like one of evertoken's. */
async function startShared(format: Target["format"]) {
  const gcp = await startGcp();
  const others = new SecretManagerServiceClient({
    apiEndpoint: "127.0.0.1",
    port: gcp.port,
    sslCreds: credentials.createInsecure(),
    authClient: new PassThroughClient(),
    projectId: "acme-test",
  });
  const add = (text: string) => others.addSecretVersion({ parent: NAME, payload: { data: Buffer.from(text) } });
  await others.createSecret({ parent: PROJECT, secretId: "acme", secret: { replication: { automatic: {} } } });
  await add("their first");
  await add(JSON.stringify({ revision: 7, issued_at: "2020-01-01T00:00:00Z", expires_at: "2020-01-02T00:00:00Z" }));
  const store = await openStore(
    {
      name: "one",
      type: "gcp-secret-manager",
      project: "acme-test",
      endpoint: gcp.url,
      create: true,
      labels: {},
      timeoutMs: 10_000,
      writeIntervalMs: 0,
    },
    { versionKey: createSecretKey(Buffer.alloc(32)) },
  );
  const world = makeWorld();
  const of = credential({ publish: [target("one", { secret: "acme", format })] });
  world.ports = { ...world.ports, stores: new Map([["one", store]]), render: renderPayload };
  return {
    store,
    world,
    of,
    add,
    /** `E`nabled or `D`estroyed, from version 1 on. */
    states: () =>
      gcp.secrets
        .get(NAME)
        ?.versions.map(({ state }) => state[0])
        .join(""),
    /** Rotates each time when the token is due; at the end all but the newest token are dead. */
    async rotate(times: number) {
      for (let i = 0; i < times; i++) {
        world.now = Math.max(world.now, world.journal.nextAt);
        expect(await run(world, of)).toMatchObject({ result: "rotated", targets: [{ result: "written" }] });
      }
      world.now += HOUR;
    },
    async [Symbol.asyncDispose]() {
      await others.close();
      await store.close();
      await gcp.close();
    },
  };
}

describe.each(["json", "token"] as const)("versions of somebody else in a secret, with format: %s", (format) => {
  test("stay enabled at the first contact and at every rotation, while ours are destroyed", async () => {
    await using site = await startShared(format);
    await site.rotate(1);
    expect(site.states()).toBe("EEE");
    await site.rotate(2);
    expect(site.states()).toMatch(/^EED+E+$/);
  });

  test("stay enabled after Redis was restarted, or failed over", async () => {
    await using site = await startShared(format);
    await site.rotate(1);
    site.world.epoch = "e2";
    await site.rotate(2);
    site.world.epoch = "e3";
    await site.rotate(2);
    expect(site.states()).toMatch(/^EED+E+$/);
  });

  test("stay enabled after Redis was lost, and the stores were asked", async () => {
    await using site = await startShared(format);
    await site.rotate(2);
    site.world.journal.record = undefined;
    await site.rotate(2);
    expect(site.states()).toMatch(/^EED+E+$/);
  });

  test("stay enabled after a recovery from a listing", async () => {
    await using site = await startShared(format);
    const { world, of, store } = site;
    await site.rotate(1);
    const held: Held[] = [];
    for await (const page of store.list?.(new Set(["acme"]), AbortSignal.timeout(20_000)) ?? []) {
      held.push(...page.map(([, each]) => each));
    }
    expect(held).toHaveLength(1);
    const listing = recordOfListing({ credential: of, held }, recordOf(world)?.spec ?? "", {
      now: () => world.now - HOUR,
      random: () => 0.5,
    });
    if (listing.record === undefined) throw new Error("the listing made no record");
    world.journal.record = encodeRecord(listing.record, of.publish);
    await site.rotate(3);
    expect(site.states()).toMatch(/^EED+E+$/);
  });

  test("stay enabled when they came between ours", async () => {
    await using site = await startShared(format);
    await site.rotate(1);
    await site.add("their third");
    site.world.epoch = "e2";
    await site.rotate(3);
    expect(site.states()).toMatch(/^EE[DE]ED*E+$/);
    expect(site.states()).toContain("D");
  });

  test("stay enabled while an operator has the token published again", async () => {
    await using site = await startShared(format);
    await site.rotate(1);
    site.world.now -= HOUR;
    await site.add("their third");
    site.world.journal.request = `p${site.world.now}`;
    await run(site.world, site.of);
    await site.rotate(3);
    expect(site.states()).toMatch(/^EE[DE]E/);
  });
});
