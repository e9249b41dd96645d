import { parseInstant } from "../../core/instant.ts";
import { listedAnnotations } from "./annotations.ts";
import type { openGcpClient } from "./client.ts";
import { readPayload } from "../payload.ts";
import { pagesOf } from "../../core/pages.ts";
import { spreadOver } from "../deadline.ts";
import { type Held, type Listed, PublishError } from "../../core/ports/store.ts";

/** 72,000 reads of a payload a minute, of the 90,000 that a project may make: consumers read there, too. */
const READS = { together: 60, apartMs: 50 } as const;

/**
 * What a listing tells: which secrets there are, and the revision and expiry of those that say it in annotations. For
 * the others one payload is read each; `latest` may lag, and annotations may, as everything that a scan says.
 */
export async function* scanGcp(
  client: ReturnType<typeof openGcpClient>,
  wanted: ReadonlySet<string>,
  signal: AbortSignal,
): AsyncGenerator<readonly Listed[]> {
  const silent: string[] = [];
  let pageToken = "";
  do {
    const page = await client.list(pageToken, signal);
    const told: Listed[] = [];
    for (const { name, annotations } of page.secrets) {
      const secret = name?.split("/").at(-1) ?? "";
      if (!wanted.has(secret)) continue;
      const facts = listedAnnotations(annotations);
      if (facts === undefined) silent.push(secret);
      else told.push([secret, heldOf(facts, facts.version)]);
    }
    yield told;
    pageToken = page.next;
  } while (pageToken !== "");
  for (const secrets of pagesOf(silent, READS.together)) {
    const reads = Promise.all(secrets.map(async (secret) => [secret, await read(secret)] as const));
    const page = await spreadOver(READS.apartMs, reads);
    yield page.flatMap(([secret, held]) => (held === undefined ? [] : [[secret, held] as const]));
  }

  /** Undefined for what only a closer look can tell. */
  async function read(secret: string): Promise<Held | undefined> {
    try {
      const { name, payload } = await client.access(secret, "latest", signal);
      const facts = readPayload(Buffer.from(payload?.data ?? "").toString("utf8"));
      return facts && heldOf(facts, name?.split("/").at(-1) ?? "");
    } catch (error) {
      // Of this one secret: no version, a disabled one, no right to read it.
      if (error instanceof PublishError && !["unavailable", "throttled", "auth"].includes(error.class)) {
        return undefined;
      }
      throw error;
    }
  }
}

function heldOf(facts: { revision: number; issuedAt: unknown; expiresAt: unknown }, version: string): Held {
  return {
    revision: facts.revision,
    issuedAt: parseInstant(facts.issuedAt) ?? 0,
    expiresAt: parseInstant(facts.expiresAt) ?? 0,
    version,
    older: [],
  };
}
