import { SecretManagerServiceClient } from "@google-cloud/secret-manager";
import { credentials } from "@grpc/grpc-js";
import { PassThroughClient } from "google-auth-library";
import { describe, expect, test } from "vitest";
import type { GcpStore } from "../../src/credential.ts";
import { crc32c } from "../../src/publish/crc32c.ts";
import { openStore } from "../../src/publish/index.ts";
import type { PublishError } from "../../src/publish/store.ts";
import { type FakeGcp, startGcp } from "../fakes/gcp.ts";
import { testStore, versionOf } from "./store.suite.ts";

const versionKey = Buffer.alloc(32, 7);
const signal = (): AbortSignal => AbortSignal.timeout(10_000);
const NAME = "projects/acme-test/secrets/app-acme";

function configFor(gcp: FakeGcp, over: Partial<GcpStore> = {}): GcpStore {
  return {
    name: "gcp",
    type: "gcp-secret-manager",
    project: "acme-test",
    endpoint: gcp.url,
    create: true,
    labels: { team: "a" },
    timeoutMs: 10_000,
    ...over,
  };
}

testStore(
  "gcp-secret-manager",
  async () => {
    const gcp = await startGcp();
    const reader = new SecretManagerServiceClient({
      apiEndpoint: "127.0.0.1",
      port: gcp.port,
      sslCreds: credentials.createInsecure(),
      authClient: new PassThroughClient(),
      projectId: "acme-test",
    });
    return {
      store: await openStore(configFor(gcp), { versionKey }),
      withoutCreate: await openStore(configFor(gcp, { create: false }), { versionKey }),
      async read(secret) {
        const [reply] = await reader.accessSecretVersion({
          name: `projects/acme-test/secrets/${secret}/versions/latest`,
        });
        return Buffer.from(reply.payload?.data ?? "").toString("utf8");
      },
      versions: (secret) => gcp.secrets.get(`projects/acme-test/secrets/${secret}`)?.versions.length ?? 0,
      fail: (how) => gcp.fail(how),
      heal: gcp.heal,
      canaries: [],
      async close() {
        await reader.close();
        await gcp.close();
      },
    };
  },
  { server: true, create: true, counted: true },
);

describe("GCP Secret Manager", () => {
  async function open(over: Partial<GcpStore> = {}) {
    const gcp = await startGcp();
    const store = await openStore(configFor(gcp, over), { versionKey });
    return { gcp, store, [Symbol.asyncDispose]: async () => (await store.close(), gcp.close()) };
  }
  const states = (gcp: FakeGcp): string[] => gcp.secrets.get(NAME)?.versions.map((v) => v.state) ?? [];

  test("needs one call for a publish whose predecessor is known", async () => {
    await using site = await open();
    const { held } = await site.store.publish(versionOf(1), undefined, signal());
    site.gcp.calls.length = 0;
    await site.store.publish(versionOf(2), held, signal());
    expect(site.gcp.calls.map((call) => call.method)).toEqual(["AddSecretVersion"]);
  });

  test("makes a missing secret with the configured labels", async () => {
    await using site = await open();
    await site.store.publish(versionOf(1), undefined, signal());
    expect(site.gcp.secrets.get(NAME)).toMatchObject({ labels: { team: "a" }, replication: { automatic: {} } });
  });

  test("keeps regional secrets under their location, without replication", async () => {
    await using site = await open({ location: "europe-west3" });
    await site.store.publish(versionOf(1), undefined, signal());
    expect([...site.gcp.secrets.keys()]).toEqual(["projects/acme-test/locations/europe-west3/secrets/app-acme"]);
  });

  test("settles an answer that was lost by looking at the next number, and adds nothing twice", async () => {
    await using site = await open();
    const { held } = await site.store.publish(versionOf(1), undefined, signal());
    site.gcp.fail("drop", { methods: ["AddSecretVersion"] });
    const second = await site.store.publish(versionOf(2), held, signal());
    expect(second).toMatchObject({ result: "written", held: { version: "2" } });
    expect(states(site.gcp)).toHaveLength(2);
  });

  test("sees past a `latest` that lags", async () => {
    await using site = await open();
    await site.store.publish(versionOf(1), undefined, signal());
    await site.store.publish(versionOf(2), undefined, signal());
    site.gcp.lag(true);
    expect(await site.store.head("app-acme", signal())).toMatchObject({ revision: 2, version: "2", older: ["1"] });
    expect((await site.store.publish(versionOf(2), undefined, signal())).result).toBe("unchanged");
  });

  test("destroys superseded versions when told to, and the newest never", async () => {
    await using site = await open();
    for (const revision of [1, 2, 3]) await site.store.publish(versionOf(revision), undefined, signal());
    await site.store.prune?.("app-acme", ["1", "3", "9"], signal());
    expect(states(site.gcp)).toEqual(["DESTROYED", "ENABLED", "ENABLED"]);
    await site.store.prune?.("app-acme", ["1", "2"], signal());
    expect(states(site.gcp)).toEqual(["DESTROYED", "DESTROYED", "ENABLED"]);
  });

  test.each(["DISABLED", "DESTROYED"] as const)("publishes above a newest version that is %s", async (state) => {
    await using site = await open();
    await site.store.publish(versionOf(1), undefined, signal());
    const newest = site.gcp.secrets.get(NAME)?.versions[0];
    if (newest) newest.state = state;
    expect(await site.store.head("app-acme", signal())).toMatchObject({ revision: 0, version: "1" });
    expect((await site.store.publish(versionOf(2), undefined, signal())).result).toBe("written");
    expect(states(site.gcp)).toEqual([state, "ENABLED"]);
  });

  test("describes a bare token in the secret's annotations, and keeps those of others", async () => {
    await using site = await open();
    await site.store.publish(versionOf(1, { text: "bare" }), undefined, signal());
    const secret = site.gcp.secrets.get(NAME);
    if (secret) secret.annotations["theirs"] = "kept";
    const { held } = await site.store.publish(versionOf(2, { text: "bare-2" }), undefined, signal());
    expect(secret?.annotations).toMatchObject({
      theirs: "kept",
      "evertoken-revision": "2",
      "evertoken-version": held.version,
    });
    expect(JSON.stringify(secret?.annotations)).not.toContain("bare");
  });

  test("publishes a bare token although it may not describe it", async () => {
    await using site = await open();
    await site.store.publish(versionOf(1, { text: "bare" }), undefined, signal());
    site.gcp.fail("deny", { methods: ["UpdateSecret", "GetSecret"] });
    expect(
      (await site.store.publish(versionOf(2, { text: "bare-2" }), { revision: 1, version: "1" }, signal())).result,
    ).toBe("written");
    expect(site.gcp.value("app-acme")).toBe("bare-2");
  });

  test("never destroys what somebody else has put there", async () => {
    await using site = await open();
    await site.store.publish(versionOf(1, { text: "by hand" }), undefined, signal());
    const secret = site.gcp.secrets.get(NAME);
    if (secret) secret.annotations = {};
    const { held } = await site.store.publish(versionOf(1), undefined, signal());
    expect(held.older).toEqual([]);
  });

  test("opens without asking a metadata server for an identity when the endpoint is plaintext", async () => {
    const startedAt = performance.now();
    await using site = await open();
    await site.store.head("app-acme", signal());
    // gcp-metadata would try for 3 s.
    expect(performance.now() - startedAt).toBeLessThan(2500);
  });

  test("is refused for a project that is not its own", async () => {
    await using site = await open({ project: "another" });
    const error = await site.store
      .publish(versionOf(1), undefined, signal())
      .catch((thrown: unknown) => thrown as PublishError);
    expect(error).toMatchObject({ class: "permanent", code: "PERMISSION_DENIED" });
    expect((error as Error).message).toContain("secretVersionManager");
  });
});

describe("CRC-32C", () => {
  test.each([
    ["", 0],
    ["123456789", 0xe3069283],
    ["\0".repeat(32), 0x8a9136aa],
  ])("of %j is as RFC 3720 has it", (text, sum) => {
    expect(crc32c(Buffer.from(text))).toBe(sum);
  });
});
