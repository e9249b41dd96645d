import type { GcpStore } from "../../core/credential.ts";
import { parseInstant } from "../../core/instant.ts";
import { crc32c } from "./crc32c.ts";
import { annotationsOf, readAnnotations } from "./annotations.ts";
import { openGcpClient } from "./client.ts";
import { scanGcp } from "./scan.ts";
import { readPayload } from "../payload.ts";
import { type Held, PublishError, type SecretVersion, type Store } from "../../core/ports/store.ts";
import { type Pace, unpaced } from "../pace.ts";

const MAX_BYTES = 65_536;

interface Newest {
  readonly number: number;
  /** Undefined when it is disabled or destroyed. */
  readonly bytes?: Buffer;
}

/** GCP Secret Manager over gRPC. AddSecretVersion is neither idempotent nor compare-and-set: what is not sure is looked at first. */
export function openGcpStore(
  config: GcpStore,
  { pace = unpaced, paceReads = unpaced }: { pace?: Pace; paceReads?: Pace } = {},
): Store {
  const client = openGcpClient(config, paceReads);

  /** `latest` may lag for minutes, a number never does: look on from what it says until there is nothing more. */
  async function newest(secret: string, from: number, signal: AbortSignal): Promise<Newest | undefined> {
    let found: Newest | undefined = from === 0 ? await read(secret, "latest", signal) : undefined;
    for (let number = found?.number ?? from; ;) {
      number += 1;
      const next = await read(secret, String(number), signal);
      if (next === undefined) return found;
      found = next;
    }
  }

  async function read(secret: string, version: string, signal: AbortSignal): Promise<Newest | undefined> {
    try {
      const { name, payload } = await client.access(secret, version, signal);
      const bytes = Buffer.from(payload?.data ?? "");
      if (payload?.dataCrc32c != null && Number(payload.dataCrc32c) !== crc32c(bytes)) {
        throw new PublishError(`GCP Secret Manager: "${secret}" came back damaged on the way (CRC32C differs)`, {
          class: "unavailable",
          code: "CRC32C",
        });
      }
      return { number: numberOf(name), bytes };
    } catch (error) {
      if (!(error instanceof PublishError)) throw error;
      if (error.class === "not_found") return undefined;
      if (error.code !== "FAILED_PRECONDITION") throw error;
      // Disabled or destroyed: it counts as the newest, and nobody can read it.
      return { number: numberOf((await client.version(secret, version, signal)).name) };
    }
  }

  /** What the secret holds, with the bytes of its newest version. */
  async function look(secret: string, signal: AbortSignal): Promise<{ held: Held; bytes?: Buffer } | undefined> {
    const found = await newest(secret, 0, signal);
    if (found === undefined) return undefined;
    const { number, bytes } = found;
    const older = await enabledBelow(secret, number, signal);
    const facts = bytes && (readPayload(bytes.toString("utf8")) ?? (await annotated(secret, number, signal)));
    return {
      held: {
        revision: facts?.revision ?? 0,
        issuedAt: parseInstant(facts?.issuedAt) ?? 0,
        expiresAt: parseInstant(facts?.expiresAt) ?? 0,
        version: String(number),
        older,
      },
      ...(bytes !== undefined && { bytes }),
    };
  }

  async function enabledBelow(secret: string, number: number, signal: AbortSignal): Promise<string[]> {
    try {
      const versions = await client.enabled(secret, signal);
      return versions
        .map((v) => numberOf(v.name))
        .filter((n) => n > 0 && n < number)
        .map(String);
    } catch (error) {
      if (error instanceof PublishError && error.class === "permanent") return []; // may not list: nothing to tidy up
      throw error;
    }
  }

  /** Neither secretVersionManager nor secretAccessor may read annotations: then the version says nothing of itself. */
  async function annotated(secret: string, number: number, signal: AbortSignal) {
    try {
      return readAnnotations((await client.secret(secret, signal)).annotations, number);
    } catch (error) {
      if (error instanceof PublishError && error.class === "permanent") return undefined;
      throw error;
    }
  }

  async function add(secret: string, bytes: Buffer, signal: AbortSignal): Promise<number> {
    await pace(signal);
    const reply = await client.add(secret, bytes, crc32c(bytes), signal);
    if (reply.clientSpecifiedPayloadChecksum !== true) {
      throw new PublishError(`GCP Secret Manager: "${secret}" was written without its checksum being verified`, {
        class: "conflict",
        code: "CRC32C",
        ambiguous: true,
      });
    }
    return numberOf(reply.name);
  }

  async function addOrCreate(secret: string, bytes: Buffer, signal: AbortSignal): Promise<number> {
    try {
      return await add(secret, bytes, signal);
    } catch (error) {
      if (!(error instanceof PublishError) || error.class !== "not_found" || !config.create) throw error;
    }
    await pace(signal);
    try {
      await client.create(secret, signal);
    } catch (error) {
      if (!(error instanceof PublishError) || error.class !== "conflict") throw error;
    }
    return add(secret, bytes, signal);
  }

  /** After an answer that was lost: the version after the last known one is ours if it holds the same bytes. */
  async function settle(
    error: unknown,
    secret: string,
    last: number,
    bytes: Buffer,
    signal: AbortSignal,
  ): Promise<number> {
    if (!(error instanceof PublishError) || !error.ambiguous || signal.aborted) throw error;
    let found: Newest | undefined;
    try {
      found = await newest(secret, last, signal);
    } catch {
      throw error; // still in doubt: the next publish looks first
    }
    if (found?.bytes?.equals(bytes)) return found.number;
    throw error;
  }

  return {
    maxBytes: MAX_BYTES,
    list: (wanted, signal) => scanGcp(client, wanted, signal),
    look: async (secret, signal) => (await look(secret, signal))?.held,
    async publish(version, known, signal) {
      const { secret, revision, issuedAt, expiresAt } = version;
      const bytes = Buffer.from(version.payload.reveal());
      if (bytes.length > MAX_BYTES) {
        throw new PublishError(
          `GCP Secret Manager: "${secret}" takes at most ${MAX_BYTES} bytes, the payload has ${bytes.length}; publish fewer fields, or format: token`,
          { class: "permanent", code: "PayloadTooLarge" },
        );
      }
      const seen = known === undefined ? await look(secret, signal) : undefined;
      const held = seen?.held;
      if (held !== undefined && seen?.bytes?.equals(bytes)) {
        // Written, and then interrupted before it was described.
        if (held.revision !== revision) await annotate(version, Number(held.version), signal);
        return { result: "unchanged", held: { ...held, revision, issuedAt, expiresAt } };
      }
      if (held !== undefined && held.revision >= revision) return { result: "superseded", held };
      const last = Number(known?.version || held?.version || 0);
      const now = { revision, issuedAt, expiresAt, older: held !== undefined && held.revision > 0 ? held.older : [] };
      if (known !== undefined && known.revision >= revision) {
        return { result: "unchanged", held: { ...now, version: known.version } };
      }
      let number: number;
      try {
        number = await addOrCreate(secret, bytes, signal);
      } catch (error) {
        number = await settle(error, secret, last, bytes, signal);
      }
      if (!version.selfDescribing) await annotate(version, number, signal);
      // What somebody else put there is not ours to destroy.
      const older = held !== undefined && held.revision > 0 ? [...now.older, String(last)] : now.older;
      return { result: "written", held: { ...now, version: String(number), older } };
    },
    async prune(secret, versions, signal) {
      const latest = await numberIn(secret, "latest", signal);
      for (const number of versions.map(Number)) {
        // `latest` may lag and never leads: what it does not settle, the next number does.
        const superseded = number < latest || (await numberIn(secret, String(number + 1), signal)) > 0;
        if (!superseded) continue;
        await pace(signal);
        try {
          await client.destroy(secret, String(number), signal);
        } catch (error) {
          const gone = error instanceof PublishError && (error.class === "not_found" || error.class === "state");
          if (!gone) throw error;
        }
      }
    },
    close: () => client.close(),
  };

  /** The version's number, 0 when there is no such version. */
  async function numberIn(secret: string, version: string, signal: AbortSignal): Promise<number> {
    try {
      return numberOf((await client.version(secret, version, signal)).name);
    } catch (error) {
      if (error instanceof PublishError && error.class === "not_found") return 0;
      throw error;
    }
  }

  /** Where the payload cannot say its revision and expiry, the secret does. Without the right to, they are not known after a loss. */
  async function annotate(version: SecretVersion, number: number, signal: AbortSignal): Promise<void> {
    for (let tries = 1; ; tries++) {
      try {
        const { annotations, etag } = await client.secret(version.secret, signal);
        await pace(signal);
        const all = { ...annotations, ...annotationsOf(version, number) };
        await client.annotate(version.secret, all, etag ?? undefined, signal);
        return;
      } catch (error) {
        if (!(error instanceof PublishError)) throw error;
        // Another change of the secret came in between: once more, on top of it. Else the token is published all the same.
        if (error.code !== "FAILED_PRECONDITION" || tries > 1) return;
      }
    }
  }
}

/** The last part of `projects/P/secrets/S/versions/N`. */
function numberOf(name: string | null | undefined): number {
  return Number(name?.split("/").at(-1) ?? 0);
}
