import { createSecretKey } from "node:crypto";
import { Secret } from "../../../src/core/credential.ts";
import { makeExchange } from "../../../src/exchange/make-exchange.ts";
import { openStore } from "../../../src/publish/open-store.ts";
import { renderPayload } from "../../../src/publish/payload.ts";
import { credential, provider, target } from "../../fakes/world.ts";
import { facts, raceLoop } from "./loop.ts";

/** The daemon's own clients in a loop with its deadlines, without queue, record and log. */
const { place } = JSON.parse(process.argv[2] ?? "{}") as { place: "aws" | "gcp" };
const { ports, concurrency } = facts;
const DEADLINE_MS = 15_000;

const exchange = makeExchange(
  { ...provider, tokenEndpoint: `http://127.0.0.1:${ports.token}/token`, limits: { concurrency } },
  { now: Date.now, env: {} },
);
const shared = {
  name: place,
  endpoint: `http://127.0.0.1:${ports[place]}`,
  create: true,
  timeoutMs: 10_000,
  writeIntervalMs: 0,
};
const store = await openStore(
  place === "aws"
    ? { ...shared, type: "aws-secrets-manager", region: "eu-west-1", tags: {} }
    : { ...shared, type: "gcp-secret-manager", project: "bench", labels: {} },
  { versionKey: createSecretKey(Buffer.alloc(32, 1)) },
);
const secrets = [new Secret("s3cret")];
let revision = 1;

raceLoop(async (i) => {
  const { token } = await exchange.exchange(
    credential({ id: `account-${i}`, clientId: `client-${i}` }),
    secrets,
    AbortSignal.timeout(DEADLINE_MS),
  );
  revision += 1;
  const to = target(place, { secret: `account-${i}` });
  const { issuedAt, expiresAt } = token;
  const payload = renderPayload(token, { credential: `account-${i}`, revision }, to);
  const version = { secret: to.secret, payload, revision, issuedAt, expiresAt, selfDescribing: true };
  await store.publish(version, { revision: revision - 1, version: "1" }, AbortSignal.timeout(DEADLINE_MS));
});
