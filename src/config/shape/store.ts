import { duration, text } from "./values.ts";
import { z } from "./zod.ts";

/** The schema of one store. */

const timeout = duration.describe("Deadline of one call. Default 10s");
const create = z.boolean().describe("Make secrets that are missing. Default false");
const perSecond = z.number("a number is expected").positive("more than 0 is expected");
const scope = text.describe("Stores that say the same share one budget. Default: the region, or the project");
const writeInterval = duration.describe(
  "Least time between two writes of one secret, for a long time. Default: 15m (AWS), 500ms (GCP), 20ms (GCP, regional)",
);
const strings = z.record(z.string(), z.string());

export const store = z.discriminatedUnion("type", [
  z
    .strictObject({
      type: z.literal("aws-secrets-manager"),
      region: text.describe("AWS region, such as eu-west-1"),
      create,
      endpoint: text.describe("Another address of the service"),
      tags: strings.describe("Tags of secrets that are made"),
      limits: z
        .strictObject({
          writesPerSecond: perSecond.describe("Default: 50, AWS's quota per account and region"),
          writeInterval,
          scope,
        })
        .partial(),
      kmsKeyId: text.describe("KMS key of secrets that are made. Default: the account's aws/secretsmanager"),
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
      endpoint: text.describe("Another address of the service; http:// is plaintext gRPC without a cloud identity"),
      limits: z
        .strictObject({
          writesPerMinute: perSecond.describe("Default: 600, GCP's quota per project"),
          readsPerMinute: perSecond.describe("Default: 600, GCP's quota per project; payloads do not count"),
          writeInterval,
          scope,
        })
        .partial(),
      labels: strings.describe("Labels of secrets that are made"),
      timeout,
    })
    .partial()
    .required({ type: true, project: true }),
  z
    .strictObject({
      type: z.literal("file"),
      dir: text.describe("Folder in which a file per secret is kept"),
      timeout,
    })
    .partial()
    .required({ type: true, dir: true }),
]);
