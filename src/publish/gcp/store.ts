import type { GcpStore } from "../../core/credential.ts";
import { storeFacts } from "../../core/policy/store-facts.ts";
import { PublishError, type SecretVersion, type Store, isPublishError } from "../../core/ports/store.ts";
import { type Pace, unpaced } from "../pace.ts";
import { makeStore } from "../protocol.ts";
import { annotationsOf } from "./annotations.ts";
import { openGcpClient, versionNumber } from "./client.ts";
import { listGcp } from "./list.ts";
import { makeVersionReader } from "./versions.ts";

/**
 * GCP Secret Manager over gRPC. AddSecretVersion is neither idempotent nor compare-and-set: a write whose answer was
 * lost is looked for before anything else is written.
 */
export function openGcpStore(
  config: GcpStore,
  { pace = unpaced, paceReads = unpaced }: { readonly pace?: Pace; readonly paceReads?: Pace } = {},
): Store {
  const client = openGcpClient(config, paceReads);
  const versions = makeVersionReader(client);

  async function add(secret: string, bytes: Buffer, signal: AbortSignal): Promise<number> {
    await pace(signal);
    const reply = await client.add(secret, bytes, signal);
    if (reply.clientSpecifiedPayloadChecksum !== true) {
      throw new PublishError(`GCP Secret Manager: "${secret}" was written without its checksum being verified`, {
        class: "conflict",
        code: "CRC32C",
        ambiguous: true,
      });
    }
    return versionNumber(reply.name);
  }

  async function addOrCreate(secret: string, bytes: Buffer, signal: AbortSignal): Promise<number> {
    try {
      return await add(secret, bytes, signal);
    } catch (error) {
      if (!config.create || !isPublishError(error, "not_found")) throw error;
    }
    await pace(signal);
    try {
      await client.create(secret, signal);
    } catch (error) {
      if (!isPublishError(error, "conflict")) throw error;
    }
    return add(secret, bytes, signal);
  }

  async function write(version: SecretVersion, newest: string, signal: AbortSignal): Promise<string> {
    const { secret } = version;
    const bytes = Buffer.from(version.payload.reveal());
    try {
      return String(await addOrCreate(secret, bytes, signal));
    } catch (error) {
      if (!(error instanceof PublishError) || !error.ambiguous || signal.aborted) throw error;
      // The answer was lost. If the look-up fails too, the write stays in doubt, and the next publish looks first.
      const found = await versions.findNewest(secret, Number(newest), signal).catch(() => undefined);
      if (found?.bytes?.equals(bytes)) return String(found.number);
      throw error;
    }
  }

  /** Annotates the secret. Without the permission to, revision and life are not known after a loss of Redis. */
  async function describe(version: SecretVersion, number: string, signal: AbortSignal): Promise<void> {
    const { secret } = version;
    for (let tries = 1; ; tries++) {
      try {
        const { annotations, etag } = await client.secret(secret, signal);
        await pace(signal);
        const all = annotationsOf(version, number, annotations ?? {});
        await client.annotate(secret, { annotations: all, etag: etag ?? undefined }, signal);
        return;
      } catch (error) {
        if (!(error instanceof PublishError)) throw error;
        // The secret was changed in between: once more, on top of that change. Otherwise the token is published anyway.
        if (error.class !== "state" || tries > 1) return;
      }
    }
  }

  async function prune(secret: string, numbers: readonly string[], signal: AbortSignal): Promise<void> {
    const latest = await versions.findNumber(secret, "latest", signal);
    for (const number of numbers.map(Number)) {
      // `latest` may lag and never leads: a version that it does not settle is superseded if the next number exists.
      const isSuperseded = number < latest || (await versions.findNumber(secret, String(number + 1), signal)) > 0;
      if (!isSuperseded) continue;
      await pace(signal);
      try {
        await client.destroy(secret, String(number), signal);
      } catch (error) {
        // It is gone already.
        if (!isPublishError(error, "not_found", "state")) throw error;
      }
    }
  }

  return makeStore({
    title: "GCP Secret Manager",
    maxBytes: storeFacts["gcp-secret-manager"].maxBytes,
    look: versions.look,
    isSame: (version, { content }) => content?.equals(Buffer.from(version.payload.reveal())) ?? false,
    write,
    describe,
    list: (wanted, signal) => listGcp(client, wanted, signal),
    prune,
    close: () => client.close(),
  });
}
