import { parseInstant } from "../../core/instant.ts";
import { type Held, PublishError, isPublishError } from "../../core/ports/store.ts";
import { readPayload } from "../payload.ts";
import type { Found } from "../protocol.ts";
import { type Annotations, type Description, readAnnotations } from "./annotations.ts";
import { type GcpClient, versionNumber } from "./client.ts";
import { crc32c } from "./crc32c.ts";
import { makeSupersededReader } from "./superseded.ts";

/** A version of a secret. */
export interface GcpVersion {
  readonly number: number;
  /** Undefined when it is disabled or destroyed. */
  readonly bytes?: Buffer;
}

/** Reads the versions of secrets. GCP numbers them from 1 without gaps. */
export function makeVersionReader(client: GcpClient) {
  async function read(secret: string, version: string, signal: AbortSignal): Promise<GcpVersion | undefined> {
    try {
      const { name, payload } = await client.access(secret, version, signal);
      const bytes = Buffer.from(payload?.data ?? "");
      if (payload?.dataCrc32c != null && Number(payload.dataCrc32c) !== crc32c(bytes)) {
        throw new PublishError(`GCP Secret Manager: "${secret}" was damaged on the way here (CRC32C differs)`, {
          class: "unavailable",
          code: "CRC32C",
        });
      }
      return { number: versionNumber(name), bytes };
    } catch (error) {
      if (isPublishError(error, "not_found")) return undefined;
      if (!isPublishError(error, "state")) throw error;
      // A disabled or destroyed version counts as the newest, although nobody can read it.
      return { number: versionNumber((await client.version(secret, version, signal)).name) };
    }
  }

  /**
   * The newest version above number `after` (0: of all), or undefined. `latest` may lag behind for minutes, a number
   * never does: so the numbers after the one that `latest` gives are tried until there is no more.
   */
  async function findNewest(secret: string, after: number, signal: AbortSignal): Promise<GcpVersion | undefined> {
    let found = after === 0 ? await read(secret, "latest", signal) : undefined;
    for (let number = found?.number ?? after; ;) {
      number += 1;
      const next = await read(secret, String(number), signal);
      if (next === undefined) return found;
      found = next;
    }
  }

  const listSuperseded = makeSupersededReader(client, read);

  /** What the secret holds, with the content of its newest version. */
  async function look(secret: string, signal: AbortSignal): Promise<Found | undefined> {
    const newest = await findNewest(secret, 0, signal);
    if (newest === undefined) return undefined;
    const { number, bytes } = newest;
    const stated = bytes && readPayload(bytes.toString("utf8"));
    const annotations = bytes === undefined || stated !== undefined ? undefined : await readNotes(secret, signal);
    const older = await listSuperseded({ secret, number, annotations }, signal);
    const held = { ...heldOf(stated ?? readAnnotations(annotations, number), String(number)), older };
    return bytes === undefined ? { held } : { held, content: bytes };
  }

  /** The roles secretVersionManager and secretAccessor may not read annotations: then the version is not described. */
  async function readNotes(secret: string, signal: AbortSignal): Promise<Annotations | undefined> {
    try {
      return (await client.secret(secret, signal)).annotations ?? undefined;
    } catch (error) {
      if (isPublishError(error, "permanent")) return undefined;
      throw error;
    }
  }

  /** Number of a version (`latest` or a number); 0 when there is no such version. */
  async function findNumber(secret: string, version: string, signal: AbortSignal): Promise<number> {
    try {
      return versionNumber((await client.version(secret, version, signal)).name);
    } catch (error) {
      if (isPublishError(error, "not_found")) return 0;
      throw error;
    }
  }

  return { findNewest, look, findNumber };
}

/** What a version holds that is described so; undefined: not by evertoken. */
export function heldOf(description: Description | undefined, version: string): Held {
  return {
    revision: description?.revision ?? 0,
    issuedAt: parseInstant(description?.issuedAt) ?? 0,
    expiresAt: parseInstant(description?.expiresAt) ?? 0,
    version,
    older: [],
  };
}
