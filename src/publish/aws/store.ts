import type { KeyObject } from "node:crypto";
import type { AwsStore } from "../../core/credential.ts";
import { openAwsClient } from "./client.ts";
import { awsError } from "./errors.ts";
import { type Held, type Listed, PublishError, type SecretVersion, type Store } from "../../core/ports/store.ts";
import { spreadOver } from "../deadline.ts";
import { type Pace, unpaced } from "../pace.ts";
import { parseVersionId, versionIdOf } from "./version-id.ts";

const MAX_BYTES = 65_536;
/** 50 listings a second are allowed, of which a fifth is left to others. */
const LIST_APART_MS = 25;

/** AWS Secrets Manager. Needs PutSecretValue and DescribeSecret, likes ListSecrets; GetSecretValue never. */
export function openAwsStore(
  config: AwsStore,
  { versionKey, pace = unpaced }: { versionKey: KeyObject; pace?: Pace },
): Store {
  const client = openAwsClient(config);

  async function look(secret: string, signal: AbortSignal): Promise<Held | undefined> {
    try {
      const described = await client.describe(secret, signal);
      if (described.DeletedDate !== undefined) {
        throw awsError({ name: "InvalidRequestException" }, "DescribeSecret", secret);
      }
      return heldOf(described);
    } catch (error) {
      if (error instanceof PublishError && error.class === "not_found") return undefined;
      throw error;
    }
  }

  /** Version ids tell everything, so that a page of a listing says as much as 100 calls of DescribeSecret. */
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

  async function write(version: SecretVersion, id: string, signal: AbortSignal): Promise<void> {
    const { secret } = version;
    const value = version.payload.reveal();
    async function put(): Promise<void> {
      await pace(signal);
      await client.put(secret, value, id, signal);
    }
    try {
      await put();
    } catch (error) {
      if (!(error instanceof PublishError) || error.class !== "not_found" || !config.create) throw error;
      await pace(signal);
      try {
        await client.create(secret, value, id, signal);
      } catch (created) {
        // Somebody else made it in between: it takes values now.
        if (!(created instanceof PublishError) || created.class !== "conflict") throw created;
        await put();
      }
    }
  }

  return {
    maxBytes: MAX_BYTES,
    look,
    list,
    async publish(version, known, signal) {
      const bytes = Buffer.byteLength(version.payload.reveal());
      if (bytes > MAX_BYTES) throw tooLarge(version.secret, bytes);
      const id = versionIdOf(version, versionKey);
      if (known === undefined) {
        const held = await look(version.secret, signal);
        if (held !== undefined && held.revision >= version.revision) {
          return { result: held.version === id ? "unchanged" : "superseded", held };
        }
      } else if (known.revision >= version.revision) {
        return { result: "unchanged", held: { ...version, version: id, older: [] } };
      }
      await write(version, id, signal);
      const { revision, issuedAt, expiresAt } = version;
      return { result: "written", held: { revision, issuedAt, expiresAt, version: id, older: [] } };
    },
    async close() {
      client.close();
    },
  };
}

function tooLarge(secret: string, bytes: number): PublishError {
  return new PublishError(
    `AWS Secrets Manager: "${secret}" takes at most ${MAX_BYTES} bytes, the payload has ${bytes}; publish fewer fields, or format: token`,
    { class: "permanent", code: "PayloadTooLarge" },
  );
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
