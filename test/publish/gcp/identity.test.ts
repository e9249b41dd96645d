import { generateKeyPairSync } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { openGcpStore } from "../../../src/publish/gcp/store.ts";
import { PublishError } from "../../../src/core/ports/store.ts";
import { configuredCredential } from "../../fakes/configuration.ts";
import { makeSite } from "../../fakes/daemon.ts";
import { type FakeGcp, startGcp } from "../../fakes/gcp.ts";
import { CA_FILE, startTokenEndpoint } from "../../fakes/token-endpoint.ts";
import { versionOf } from "../store.suite.ts";

// grpc-js reads it when it is loaded, so it stands before the imports.
vi.hoisted(() => {
  process.env["GRPC_DEFAULT_SSL_ROOTS_FILE_PATH"] = new URL("../../fakes/tls/ca.pem", import.meta.url).pathname;
});

const signal = (): AbortSignal => AbortSignal.timeout(20_000);

/** A key file as Google issues it, with a key of our own. */
function serviceAccount(): string {
  const { privateKey } = generateKeyPairSync("rsa", {
    modulusLength: 2048,
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
    publicKeyEncoding: { type: "spki", format: "pem" },
  });
  const email = "evertoken@acme-test.iam.gserviceaccount.com";
  return JSON.stringify({
    type: "service_account",
    project_id: "acme-test",
    private_key: privateKey,
    client_email: email,
  });
}

/** Workload identity federation whose token file is not there. */
const federation = JSON.stringify({
  type: "external_account",
  audience: "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/pool/providers/cluster",
  subject_token_type: "urn:ietf:params:oauth:token-type:jwt",
  token_url: "https://sts.googleapis.com/v1/token",
  credential_source: { file: "/nonexistent/canary-token-file" },
});

describe("the cloud identity of GCP Secret Manager", () => {
  let dir: string;
  let gcp: FakeGcp;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), "et-gcp-"));
    gcp = await startGcp({ tls: true });
    vi.stubEnv("GOOGLE_APPLICATION_CREDENTIALS", join(dir, "identity.json"));
    vi.stubEnv("METADATA_SERVER_DETECTION", "none");
  });
  afterEach(async () => {
    vi.unstubAllEnvs();
    await gcp.close();
    await rm(dir, { recursive: true, force: true });
  });
  const identity = (text: string): Promise<void> => writeFile(join(dir, "identity.json"), text);
  function open(endpoint = gcp.url) {
    const store = openGcpStore({
      name: "gcp",
      type: "gcp-secret-manager",
      project: "acme-test",
      endpoint,
      create: true,
      labels: {},
      timeoutMs: 10_000,
      writeIntervalMs: 0,
    });
    return { store, [Symbol.asyncDispose]: () => store.close() };
  }
  const failure = async (work: Promise<unknown>): Promise<PublishError> => {
    const error: unknown = await work.catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(PublishError);
    return error as PublishError;
  };

  test("goes with every call over TLS", async () => {
    await identity(serviceAccount());
    await using site = open();
    const { result } = await site.store.publish(versionOf(1), undefined, signal());
    expect(result).toBe("written");
    expect(gcp.value("app-acme")).toBe(versionOf(1).payload.reveal());
    expect(gcp.calls.map((call) => call.identity)).not.toContain(false);
  });

  test("goes over TLS to an endpoint without a scheme too", async () => {
    await identity(serviceAccount());
    await using site = open(gcp.url.replace("https://", ""));
    expect(await site.store.look("app-acme", signal())).toBeUndefined();
    expect(gcp.calls.map((call) => call.identity)).not.toContain(false);
  });

  // Without `initialize` the SDK adds an unhandled rejection, which would fail this file.
  test("that cannot be read is an error of the store, and is read again once it is there", async () => {
    await using site = open();
    const error = await failure(site.store.publish(versionOf(1), undefined, signal()));
    expect(error).toMatchObject({ class: "auth", code: "UNAUTHENTICATED", ambiguous: false });
    expect(error.message).toContain("GOOGLE_APPLICATION_CREDENTIALS");
    expect(gcp.calls).toEqual([]);
    await identity(serviceAccount());
    expect((await site.store.publish(versionOf(1), undefined, signal())).result).toBe("written");
  });

  test("that is broken is not shown, and the store still closes", async () => {
    await identity('canary-identity { "private_key": ');
    await using site = open();
    const error = await failure(site.store.look("app-acme", signal()));
    expect(error.class).toBe("auth");
    expect(inspect(error, { depth: 10, showHidden: true })).not.toContain("canary-identity");
    await expect(site.store.close()).resolves.toBeUndefined();
  });

  test("that gives no token is not taken for a store that does not answer", async () => {
    await identity(federation);
    await using site = open();
    const error = await failure(site.store.publish(versionOf(1), { revision: 0, version: "" }, signal()));
    expect(error).toMatchObject({ class: "auth", code: "UNAUTHENTICATED", ambiguous: false });
    expect(inspect(error, { depth: 10, showHidden: true })).not.toContain("canary-token-file");
    expect(gcp.calls).toEqual([]);
  });
});

describe("a daemon with GCP Secret Manager", () => {
  test("goes on while its identity is missing, then publishes the same token, and prints it nowhere", async () => {
    await using site = await makeSite();
    await using provider = await startTokenEndpoint();
    await using gcp = await startGcp({ tls: true });
    await site.write("secret", "s3cret");
    await site.configure({
      providers: { p: { tokenEndpoint: `${provider.url}/token` } },
      stores: {
        cloud: { type: "gcp-secret-manager", project: "acme-test", endpoint: gcp.url, create: true },
        local: { type: "file", dir: "tokens" },
      },
      credentials: [
        configuredCredential("acme", {
          publish: [
            { store: "local", secret: "acme" },
            { store: "cloud", secret: "acme" },
          ],
        }),
      ],
    });
    const daemon = await site.start({
      GOOGLE_APPLICATION_CREDENTIALS: site.path("identity.json"),
      METADATA_SERVER_DETECTION: "none",
      GRPC_DEFAULT_SSL_ROOTS_FILE_PATH: CA_FILE,
      GOOGLE_SDK_NODE_LOGGING: "all",
    });
    await daemon.line((line) => JSON.stringify(line).includes("UNAUTHENTICATED"));
    expect(gcp.calls).toEqual([]);
    await site.write("identity.json", serviceAccount());
    await expect.poll(() => gcp.value("acme"), { timeout: 30_000 }).toBeDefined();
    const { access_token: token } = JSON.parse(gcp.value("acme") ?? "") as { access_token: string };
    expect(JSON.parse(await readFile(site.path("tokens/acme"), "utf8"))).toMatchObject({ access_token: token });
    expect(provider.seen).toHaveLength(1);
    daemon.signal("SIGTERM");
    expect(await daemon.exited).toBe(0);
    const bytes = [...Buffer.from(token)].join(",");
    for (const output of [daemon.stdout, daemon.stderr]) {
      expect(output).not.toContain(token);
      expect(output).not.toContain(bytes);
      expect(output).not.toContain(Buffer.from(token).toString("base64"));
    }
    expect(daemon.stderr).not.toContain("secret-manager|");
  }, 60_000);
});
