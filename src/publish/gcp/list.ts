import { pagesOf } from "../../core/pages.ts";
import { type Held, type Listed, PublishError, isPublishError } from "../../core/ports/store.ts";
import { spreadOver } from "../deadline.ts";
import { readPayload } from "../payload.ts";
import { listedAnnotations } from "./annotations.ts";
import type { GcpClient } from "./client.ts";
import { heldOf } from "./versions.ts";

/** 72,000 reads of a payload a minute, of the 90,000 that a project may make: consumers read there, too. */
const READS = { together: 60, apartMs: 50 } as const;

/**
 * Lists which secrets there are, with the revision and expiry of those that state it in annotations. For each of the
 * others one payload is read. `latest` may lag behind, and so may annotations: a listing allows that.
 */
export async function* listGcp(
  client: GcpClient,
  wanted: ReadonlySet<string>,
  signal: AbortSignal,
): AsyncGenerator<readonly Listed[]> {
  const undescribed: string[] = [];
  let pageToken = "";
  do {
    const page = await client.list(pageToken, signal);
    const described: Listed[] = [];
    for (const { name, annotations } of page.secrets) {
      const secret = name?.split("/").at(-1) ?? "";
      if (!wanted.has(secret)) continue;
      const description = listedAnnotations(annotations);
      if (description === undefined) undescribed.push(secret);
      else described.push([secret, heldOf(description, description.version)]);
    }
    yield described;
    pageToken = page.next;
  } while (pageToken !== "");
  for (const secrets of pagesOf(undescribed, READS.together)) {
    const reads = Promise.all(secrets.map(async (secret) => [secret, await readLatest(secret)] as const));
    const page = await spreadOver(READS.apartMs, reads);
    yield page.flatMap(([secret, held]) => (held === undefined ? [] : [[secret, held] as const]));
  }

  /** Undefined where only a look can say what the secret holds. */
  async function readLatest(secret: string): Promise<Held | undefined> {
    try {
      const { name, payload } = await client.access(secret, "latest", signal);
      const description = readPayload(Buffer.from(payload?.data ?? "").toString("utf8"));
      return description && heldOf(description, name?.split("/").at(-1) ?? "");
    } catch (error) {
      // Other classes concern this secret alone: no version, a disabled one, no permission to read it.
      const concernsStore = isPublishError(error, "unavailable", "throttled", "auth");
      if (error instanceof PublishError && !concernsStore) return undefined;
      throw error;
    }
  }
}
