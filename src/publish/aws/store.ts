import type { KeyObject } from "node:crypto";
import type { AwsStore } from "../../core/credential.ts";
import { storeFacts } from "../../core/policy/store-facts.ts";
import { type Held, type Listed, type SecretVersion, type Store, isPublishError } from "../../core/ports/store.ts";
import { spreadOver } from "../deadline.ts";
import { type Pace, unpaced } from "../pace.ts";
import { type Found, makeStore } from "../protocol.ts";
import { type NewValue, openAwsClient } from "./client.ts";
import { awsError } from "./errors.ts";
import { parseVersionId, versionIdOf } from "./version-id.ts";

/** 50 listings a second are allowed; a fifth of them is left to others. */
const LIST_APART_MS = 25;

/** AWS Secrets Manager. Needs PutSecretValue and DescribeSecret, likes ListSecrets; GetSecretValue never. */
export function openAwsStore(
  config: AwsStore,
  { versionKey, pace = unpaced }: { readonly versionKey: KeyObject; readonly pace?: Pace },
): Store {
  const client = openAwsClient(config);

  async function look(secret: string, signal: AbortSignal): Promise<Found | undefined> {
    try {
      const described = await client.describe(secret, signal);
      if (described.DeletedDate !== undefined) {
        throw awsError({ name: "InvalidRequestException" }, "DescribeSecret", secret);
      }
      const held = heldOf(described);
      return held && { held };
    } catch (error) {
      if (isPublishError(error, "not_found")) return undefined;
      throw error;
    }
  }

  /** Version ids say everything, so that a page of a listing is worth 100 calls of DescribeSecret. */
  async function* list(wanted: ReadonlySet<string>, signal: AbortSignal): AsyncGenerator<readonly Listed[]> {
    let next: string | undefined;
    do {
      const page = await spreadOver(LIST_APART_MS, client.list(next, signal));
      yield (page.SecretList ?? []).flatMap(({ Name = "", SecretVersionsToStages, LastChangedDate }) => {
        const stages = SecretVersionsToStages ?? {};
        const held = wanted.has(Name)
          ? heldOf({ VersionIdsToStages: stages, ...(LastChangedDate && { LastChangedDate }) })
          : undefined;
        return held === undefined ? [] : [[Name, held] as const];
      });
      next = page.NextToken;
    } while (next !== undefined);
  }

  async function write(version: SecretVersion, _newest: string, signal: AbortSignal): Promise<string> {
    const id = versionIdOf(version, versionKey);
    await putOrCreate({ secret: version.secret, value: version.payload.reveal(), id }, signal);
    return id;
  }

  async function put(value: NewValue, signal: AbortSignal): Promise<void> {
    await pace(signal);
    await client.put(value, signal);
  }

  async function putOrCreate(value: NewValue, signal: AbortSignal): Promise<void> {
    try {
      await put(value, signal);
      return;
    } catch (error) {
      if (!config.create || !isPublishError(error, "not_found")) throw error;
    }
    try {
      await pace(signal);
      await client.create(value, signal);
      return;
    } catch (error) {
      if (!isPublishError(error, "conflict")) throw error;
    }
    // Another writer made the secret in the meantime: it takes values now.
    await put(value, signal);
  }

  return makeStore({
    title: "AWS Secrets Manager",
    maxBytes: storeFacts["aws-secrets-manager"].maxBytes,
    look,
    isSame: (version, { held }) => held.version === versionIdOf(version, versionKey),
    write,
    list,
    async close() {
      client.close();
    },
  });
}

/** The version labelled AWSCURRENT; one that evertoken did not write counts as revision 0, to be replaced. */
function heldOf(described: {
  readonly VersionIdsToStages?: Readonly<Record<string, readonly string[]>> | undefined;
  readonly LastChangedDate?: Date | undefined;
}): Held | undefined {
  const current = Object.entries(described.VersionIdsToStages ?? {}).find(([, stages]) =>
    stages.includes("AWSCURRENT"),
  );
  if (current === undefined) return undefined;
  const [version] = current;
  const ours = parseVersionId(version);
  if (ours === undefined) return { revision: 0, issuedAt: 0, expiresAt: 0, version, older: [] };
  const issuedAt = described.LastChangedDate?.getTime() ?? 0;
  return { ...ours, issuedAt: Math.min(issuedAt, ours.expiresAt), version, older: [] };
}
