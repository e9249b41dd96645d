import { createSecretKey } from "node:crypto";
import { once } from "node:events";
import { type AddressInfo, type Socket, connect, createServer } from "node:net";
import { SecretManagerServiceClient } from "@google-cloud/secret-manager";
import { credentials } from "@grpc/grpc-js";
import { PassThroughClient } from "google-auth-library";
import { describe, expect, test } from "vitest";
import type { GcpStore } from "../../../src/core/credential.ts";
import { writesOf } from "../../../src/core/plan/demand.ts";
import { crc32c } from "../../../src/publish/gcp/crc32c.ts";
import { openStore } from "../../../src/publish/open-store.ts";
import { PublishError } from "../../../src/core/ports/store.ts";
import { type FakeGcp, startGcp } from "../../fakes/gcp.ts";
import { testStore, versionOf } from "../store.suite.ts";

const versionKey = createSecretKey(Buffer.alloc(32, 7));
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
    writeIntervalMs: 0,
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

  test("finds a write whose answer was lost by its number, and adds nothing twice", async () => {
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
    expect(await site.store.look("app-acme", signal())).toMatchObject({
      revision: 2,
      version: "2",
      older: [["1", versionOf(1).expiresAt]],
    });
    expect((await site.store.publish(versionOf(2), undefined, signal())).result).toBe("unchanged");
  });

  test("destroys superseded versions, and never the newest", async () => {
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
    expect(await site.store.look("app-acme", signal())).toMatchObject({ revision: 0, version: "1" });
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

  test("adds a bare token once, although it was interrupted before describing it", async () => {
    await using site = await open();
    const version = versionOf(1, { text: "bare" });
    site.gcp.fail("refuse", { methods: ["GetSecret", "UpdateSecret"] });
    await site.store.publish(version, { revision: 0, version: "" }, signal());
    site.gcp.heal();
    expect(await site.store.look("app-acme", signal())).toMatchObject({ revision: 0, version: "1" });
    expect(await site.store.publish(version, undefined, signal())).toMatchObject({
      result: "unchanged",
      held: { revision: 1, expiresAt: version.expiresAt, version: "1" },
    });
    expect(states(site.gcp)).toHaveLength(1);
    expect(await site.store.look("app-acme", signal())).toMatchObject({ revision: 1, expiresAt: version.expiresAt });
  });

  test("describes a bare token although the secret was changed in between", async () => {
    await using site = await open();
    site.gcp.fail("etag", { methods: ["UpdateSecret"], times: 1 });
    await site.store.publish(versionOf(4, { text: "bare" }), undefined, signal());
    expect(site.gcp.secrets.get(NAME)?.annotations).toMatchObject({ "evertoken-revision": "4" });
  });

  // roles/secretmanager.secretVersionManager and secretAccessor have neither secrets.get nor secrets.update.
  test.each([
    ["a bare token", versionOf(2, { text: "bare" })],
    ["JSON over a placeholder of another writer", versionOf(2)],
  ])("publishes %s with the documented minimum of rights", async (_, version) => {
    await using site = await open();
    await site.store.publish(versionOf(1, { text: "placeholder" }), undefined, signal());
    site.gcp.fail("deny", { methods: ["GetSecret", "UpdateSecret", "CreateSecret", "ListSecrets", "DeleteSecret"] });
    expect((await site.store.publish(version, undefined, signal())).result).toBe("written");
    expect((await site.store.publish(version, undefined, signal())).result).toBe("unchanged");
    expect(states(site.gcp)).toHaveLength(2);
  });

  test("publishes although it may not list what could be tidied up", async () => {
    await using site = await open();
    await site.store.publish(versionOf(1), undefined, signal());
    site.gcp.fail("deny", { methods: ["ListSecretVersions"] });
    expect(await site.store.publish(versionOf(2), undefined, signal())).toMatchObject({
      result: "written",
      held: { version: "2", older: [["1", versionOf(1).expiresAt]] },
    });
  });

  test("leaves another token of the same revision alone", async () => {
    await using site = await open();
    await site.store.publish(versionOf(1), undefined, signal());
    const rival = versionOf(1, {
      text: versionOf(1).payload.reveal().replace("canary", "rival"),
      selfDescribing: true,
    });
    expect((await site.store.publish(rival, undefined, signal())).result).toBe("superseded");
    expect(site.gcp.value("app-acme")).toBe(versionOf(1).payload.reveal());
  });

  test("does not repeat a write in doubt when the look for it fails too", async () => {
    await using site = await open();
    const { held } = await site.store.publish(versionOf(1), undefined, signal());
    site.gcp.fail("drop");
    const error = await site.store.publish(versionOf(2), held, signal()).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ class: "unavailable", code: "UNAVAILABLE", ambiguous: true });
    site.gcp.heal();
    expect((await site.store.publish(versionOf(2), undefined, signal())).result).toBe("unchanged");
    expect(states(site.gcp)).toHaveLength(2);
  });

  test("makes a secret once when two make it at the same time", async () => {
    await using site = await open();
    const results = await Promise.all([1, 2].map((n) => site.store.publish(versionOf(n), undefined, signal())));
    expect(results.map((each) => each.result)).toEqual(["written", "written"]);
    expect(site.gcp.secrets.size).toBe(1);
  });

  test.each([
    ["the first one of a secret that it makes", [1]],
    ["a later one, which destroys an older version", [1, 2]],
  ] as const)("a publish takes as many writes as the forecast counts: %s", async (_, revisions) => {
    await using gcp = await startGcp();
    const config = configFor(gcp);
    let turns = 0;
    const store = await openStore(config, { versionKey, pace: async () => void (turns += 1) });
    let known: { revision: number; version: string } | undefined;
    for (const revision of revisions) {
      turns = 0;
      const { held } = await store.publish(versionOf(revision), known, signal());
      if (known !== undefined) await store.prune?.("app-acme", [known.version], signal());
      known = held;
    }
    expect(turns).toBe(writesOf(config, revisions.length === 1 ? "first" : "renewal"));
    await store.close();
  });

  test("reports a spent quota as throttled, and counts every write against it", async () => {
    await using gcp = await startGcp({ writesPerMinute: 3, now: () => 0 });
    const store = await openStore(configFor(gcp), { versionKey });
    // AddSecretVersion finds no secret, CreateSecret, AddSecretVersion.
    const { held } = await store.publish(versionOf(1), undefined, signal());
    const error = await store.publish(versionOf(2), held, signal()).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ class: "throttled", code: "RESOURCE_EXHAUSTED", ambiguous: false });
    await store.close();
  });

  test("waits for its turn before every call that GCP counts as a read, and before no payload", async () => {
    await using gcp = await startGcp();
    let turns = 0;
    const store = await openStore(configFor(gcp), { versionKey, paceReads: async () => void (turns += 1) });
    for (const revision of [1, 2])
      await store.publish({ ...versionOf(revision), selfDescribing: false }, undefined, signal());
    await store.prune?.("app-acme", ["1"], signal());
    for await (const _ of store.list?.(new Set(["app-acme"]), signal()) ?? []);
    const reads = gcp.calls.filter(({ method }) => /^(Get|List)/.test(method)).length;
    expect(reads).toBeGreaterThan(4);
    expect(turns).toBe(reads);
    await store.close();
  });

  test("writes and looks up nothing when its turn does not come", async () => {
    await using gcp = await startGcp();
    const spent = new PublishError("spoken for", { class: "throttled", code: "QuotaSpent" });
    const store = await openStore(configFor(gcp), { versionKey, paceReads: () => Promise.reject(spent) });
    await store.publish(versionOf(1), undefined, signal());
    await expect(store.look("app-acme", signal())).rejects.toBe(spent);
    expect(gcp.calls.filter(({ method }) => /^(Get|List)/.test(method))).toEqual([]);
    await store.close();
  });

  test("destroys a superseded version although `latest` still shows it", async () => {
    await using site = await open();
    for (const revision of [1, 2]) await site.store.publish(versionOf(revision), undefined, signal());
    site.gcp.lag(true);
    await site.store.prune?.("app-acme", ["1", "2"], signal());
    expect(states(site.gcp)).toEqual(["DESTROYED", "ENABLED"]);
  });

  test("accepts that a version is destroyed or gone already", async () => {
    await using site = await open();
    for (const revision of [1, 2]) await site.store.publish(versionOf(revision), undefined, signal());
    await site.store.prune?.("app-acme", ["1"], signal());
    await expect(site.store.prune?.("app-acme", ["1"], signal())).resolves.toBeUndefined();
    await expect(site.store.prune?.("app-gone", ["1"], signal())).resolves.toBeUndefined();
  });

  test("leaves a connection that died silently before the deadline, and goes on with another", async () => {
    await using gcp = await startGcp();
    await using line = await startLine(gcp.port);
    const store = await openStore(configFor(gcp, { endpoint: line.url, timeoutMs: 3000, writeIntervalMs: 0 }), {
      versionKey,
    });
    await store.publish(versionOf(1), undefined, signal());
    line.cut();
    await expect(store.look("app-acme", signal())).rejects.toMatchObject({ class: "unavailable" });
    expect(await store.look("app-acme", signal())).toMatchObject({ revision: 1 });
    await store.close();
  });

  test("never destroys a version of another writer", async () => {
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
    await site.store.look("app-acme", signal());
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

/** A proxy whose open connections can be silenced, as by a NAT that has forgotten them; new ones work. */
async function startLine(port: number) {
  const sockets: Socket[] = [];
  const server = createServer((near) => {
    const far = connect(port, "127.0.0.1");
    near.pipe(far).pipe(near);
    for (const socket of [near, far]) sockets.push(socket.on("error", () => undefined));
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    cut: () => sockets.forEach((socket) => socket.unpipe().resume()),
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

describe("CRC-32C", () => {
  test.each([
    ["", 0],
    ["123456789", 0xe3069283],
    ["\0".repeat(32), 0x8a9136aa],
  ])("of %j is as in RFC 3720", (text, sum) => {
    expect(crc32c(Buffer.from(text))).toBe(sum);
  });
});
