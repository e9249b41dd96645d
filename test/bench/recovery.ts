import { createSecretKey } from "node:crypto";
import { Secret } from "../../src/core/credential.ts";
import { renderPayload } from "../../src/publish/payload.ts";
import { versionIdOf } from "../../src/publish/aws/version-id.ts";
import { startAws } from "../fakes/aws.ts";
import { configurationOf } from "../fakes/configuration.ts";
import { type Line, makeSite } from "../fakes/daemon.ts";
import { startGcp } from "../fakes/gcp.ts";
import { startRedis } from "../fakes/redis.ts";
import { startTokenEndpoint } from "../fakes/token-endpoint.ts";
import { target } from "../fakes/world.ts";
import { row } from "./measure.ts";

/**
 * `npm run bench:recovery [credentials]`: a daemon at an empty Redis, with a fleet whose living tokens are in the
 * stores. Prints how long it takes until all are scheduled again, the calls per second, and the exchanges.
 */
const COUNT = Number(process.argv[2] ?? 100_000);
const HOUR = 3_600_000;
const SLOW_MS = 600_000;

const key = createSecretKey(Buffer.alloc(32, 1));
const names = Array.from({ length: COUNT }, (_, i) => `account-${i}`);

/** A version as an earlier daemon has published it. */
function published(name: string): { id: string; value: string } {
  const issuedAt = Date.now();
  const token = {
    accessToken: new Secret("x".repeat(800)),
    tokenType: "Bearer",
    issuedAt,
    expiresAt: issuedAt + 12 * HOUR,
  };
  const payload = renderPayload({ ...token, fields: {} }, { credential: name, revision: 7 }, target("any"));
  const version = { ...token, secret: name, payload, revision: 7, selfDescribing: true };
  return { id: versionIdOf(version, key), value: payload.reveal() };
}

async function recover(what: string, store: object, calls: () => readonly unknown[]): Promise<void> {
  await using redis = await startRedis({ port: true });
  await using provider = await startTokenEndpoint();
  await using site = await makeSite();
  await site.write("secret", "s3cret");
  await site.configure(
    configurationOf(provider.url, names, {
      redis: { url: redis.url },
      sealKey: { env: "SEAL_KEY" },
      defaults: {},
      stores: { local: store },
    }),
  );
  const env = { SEAL_KEY: "11".repeat(32), AWS_ACCESS_KEY_ID: "AKIATEST", AWS_SECRET_ACCESS_KEY: "aws-secret-key" };
  await using daemon = await site.start(env);
  const { time: from } = await daemon.line(({ event }) => event === "recovery.started", SLOW_MS);
  const { time: to } = await daemon.line(({ event }) => event === "recovery.finished", SLOW_MS);
  const seconds = (Date.parse(String(to)) - Date.parse(String(from))) / 1000;
  const isFailure = ({ event }: Line): boolean => event === "rotation.failed" || event === "app.fault";
  row(
    `${what}: ${COUNT} scheduled again`,
    `${seconds.toFixed(1)} s, ${calls().length} calls (${(calls().length / seconds).toFixed(0)} a second)`,
  );
  row("  exchanges", `${provider.seen.length}; failures ${daemon.lines.filter(isFailure).length}`);
}

{
  await using aws = await startAws();
  const held = aws.secrets as Map<string, unknown>;
  for (const name of names) {
    const { id, value } = published(name);
    const versions = new Map([[id, { value, createdAt: Date.now(), stages: new Set(["AWSCURRENT"]) }]]);
    held.set(name, { name, tags: [], versions, changedAt: Date.now() });
  }
  const store = { type: "aws-secrets-manager", region: aws.region, endpoint: aws.url };
  await recover("AWS Secrets Manager", store, () => aws.calls);
}
{
  await using gcp = await startGcp();
  const held = gcp.secrets as Map<string, unknown>;
  for (const name of names) {
    const versions = [{ data: Buffer.from(published(name).value), state: "ENABLED" }];
    const secret = `projects/acme-test/secrets/${name}`;
    held.set(secret, { name: secret, labels: {}, annotations: {}, versions, etag: 1, replication: {}, aliases: {} });
  }
  const store = { type: "gcp-secret-manager", project: "acme-test", endpoint: gcp.url };
  await recover("GCP Secret Manager", store, () => gcp.calls);
}
