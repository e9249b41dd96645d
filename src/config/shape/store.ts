import { duration, text } from "./values.ts";
import { z } from "./zod.ts";

/** The schema of one store. */

const timeout = duration.describe("Deadline of one call. Default 10s");
const create = z.boolean().describe("Create secrets that do not exist. Default false");
const perSecond = z.number("a number is expected").positive("more than 0 is expected");
const scope = text.describe(
  "Stores with the same scope share one budget of calls. Default: the region, or the project",
);
const writeInterval = duration.describe(
  "Least time between two writes of one secret, sustained. Default: 15m (AWS), 500ms (GCP), 20ms (GCP, regional)",
);
const strings = z.record(z.string(), z.string());

export const store = z.discriminatedUnion("type", [
  z
    .strictObject({
      type: z.literal("aws-secrets-manager"),
      region: text.describe("AWS region, such as eu-west-1"),
      create,
      endpoint: text.describe("Address to call instead of the default one"),
      tags: strings.describe("Tags of the secrets that evertoken creates"),
      limits: z
        .strictObject({
          writesPerSecond: perSecond.describe("Writes per second. Default: 50, AWS's quota per account and region"),
          writeInterval,
          scope,
        })
        .partial(),
      kmsKeyId: text.describe(
        "KMS key of the secrets that evertoken creates. Default: the account's aws/secretsmanager",
      ),
      timeout,
    })
    .partial()
    .required({ type: true, region: true }),
  z
    .strictObject({
      type: z.literal("gcp-secret-manager"),
      project: text.describe("GCP project id"),
      location: text.describe("Location of regional secrets, such as europe-west3"),
      create,
      endpoint: text.describe(
        "Address to call instead of the default one; http:// is plaintext gRPC without a cloud identity",
      ),
      limits: z
        .strictObject({
          writesPerMinute: perSecond.describe("Writes per minute. Default: 600, GCP's quota per project"),
          readsPerMinute: perSecond.describe(
            "Reads per minute, payloads not counted. Default: 600, GCP's quota per project",
          ),
          writeInterval,
          scope,
        })
        .partial(),
      labels: strings.describe("Labels of the secrets that evertoken creates"),
      timeout,
    })
    .partial()
    .required({ type: true, project: true }),
  z
    .strictObject({
      type: z.literal("file"),
      dir: text.describe("Folder that holds one file per secret"),
      timeout,
    })
    .partial()
    .required({ type: true, dir: true }),
]);
