import { PutSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { Queue, Worker } from "bullmq";
import { pino } from "pino";
import { ClientCredentials } from "simple-oauth2";
import { facts, race } from "./loop.ts";

/**
 * The obvious program with BullMQ: a job scheduler for each account, simple-oauth2, the AWS SDK with its defaults,
 * and a log line. Its period is so short that some account is always due.
 */
const { ports, redisUrl, concurrency, credentials } = facts;
const PERIOD_MS = 1000;

const { hostname, port } = new URL(redisUrl);
const connection = { host: hostname, port: Number(port), maxRetriesPerRequest: null };
const log = pino(pino.destination("/dev/null"));
const secrets = new SecretsManagerClient({ region: "eu-west-1", endpoint: `http://127.0.0.1:${ports.aws}` });
const removed = { removeOnComplete: true, removeOnFail: true };
let left = 0;
let finished: () => void = () => undefined;

const queue = new Queue("refresh", { connection, prefix: "user" });
for (let i = 0; i < credentials; i++) {
  const account = { account: `account-${i}`, clientId: `client-${i}` };
  await queue.upsertJobScheduler(
    `account-${i}`,
    { every: PERIOD_MS },
    { name: "refresh", data: account, opts: removed },
  );
}
const worker = new Worker(
  "refresh",
  async (job) => {
    const { account, clientId } = job.data as { account: string; clientId: string };
    const client = new ClientCredentials({
      client: { id: clientId, secret: "s3cret" },
      auth: { tokenHost: `http://127.0.0.1:${ports.token}`, tokenPath: "/token" },
    });
    const { token } = await client.getToken({});
    await secrets.send(new PutSecretValueCommand({ SecretId: account, SecretString: JSON.stringify(token) }));
    log.info({ account, expires_at: token["expires_at"] }, "refreshed");
    left -= 1;
    if (left === 0) finished();
  },
  { connection, prefix: "user", concurrency, autorun: false, ...{ removeOnComplete: { count: 0 } } },
);
worker.on("error", (error) => process.stderr.write(`${error.message}\n`));
worker.on("failed", (_, error) => process.stderr.write(`${error.message}\n`));
await worker.pause(true);
void worker.run();

race(async (rotations) => {
  left = rotations;
  const all = new Promise<void>((resolve) => (finished = resolve));
  await worker.resume();
  await all;
  await worker.pause(true);
});
