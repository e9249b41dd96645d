import { parseInstant } from "../../core/instant.ts";
import { type Superseded, isPublishError } from "../../core/ports/store.ts";
import { readPayload } from "../payload.ts";
import { type Annotations, supersededIn } from "./annotations.ts";
import { type GcpClient, versionNumber } from "./client.ts";

/** Of the versions below the newest one, how many are read to find ours: usually there are one or two. */
const OLDER_READ = 10;

/** Finds the superseded versions of ours that still exist. `read`: reads one version. */
export function makeSupersededReader(
  client: GcpClient,
  read: (secret: string, version: string, signal: AbortSignal) => Promise<{ readonly bytes?: Buffer } | undefined>,
) {
  /**
   * The enabled versions below the newest one that are ours for sure: their payload says so, or the annotations do. All
   * others belong to somebody else, and nobody but their owner may destroy them.
   */
  async function listSuperseded(
    { secret, number, annotations }: { secret: string; number: number; annotations: Annotations | undefined },
    signal: AbortSignal,
  ): Promise<Superseded[]> {
    const noted = new Map(supersededIn(annotations));
    const numbers = (await enabledBelow(secret, number, signal)).slice(0, OLDER_READ);
    const owned = await Promise.all(
      numbers.map(async (each): Promise<Superseded[]> => {
        const version = String(each);
        const expiresAt = noted.get(version) ?? (await readExpiry(secret, version, signal));
        return expiresAt === undefined ? [] : [[version, expiresAt]];
      }),
    );
    return owned.flat();
  }

  /** When the token dies that the version holds; undefined where its payload is not ours, or does not say. */
  async function readExpiry(secret: string, version: string, signal: AbortSignal): Promise<number | undefined> {
    const found = await read(secret, version, signal);
    return parseInstant(found?.bytes && readPayload(found.bytes.toString("utf8"))?.expiresAt);
  }

  /** Newest first. Without the permission to list versions, none is returned: nothing is tidied up then. */
  async function enabledBelow(secret: string, number: number, signal: AbortSignal): Promise<number[]> {
    try {
      const versions = await client.enabled(secret, signal);
      return versions
        .map(({ name }) => versionNumber(name))
        .filter((each) => each > 0 && each < number)
        .toSorted((a, b) => b - a);
    } catch (error) {
      if (isPublishError(error, "permanent")) return [];
      throw error;
    }
  }

  return listSuperseded;
}
