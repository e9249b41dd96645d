import type { KeyObject } from "node:crypto";
import type { StoreConfig } from "../core/credential.ts";
import type { Store } from "../core/ports/store.ts";
import type { Pace } from "./pace.ts";

export interface StoreEdges {
  /** Keys the hash in version ids, so that they say nothing about the token. */
  readonly versionKey: KeyObject;
  /** Awaited before every write; absent where nothing limits writes. */
  readonly pace?: Pace;
  /** Awaited before every look-up; absent where nothing limits them. */
  readonly paceReads?: Pace;
}

/** Each kind of store is a folder and a line here. An SDK costs 250 ms and 25 MB: only configured kinds are loaded. */
export async function openStore(config: StoreConfig, edges: StoreEdges): Promise<Store> {
  switch (config.type) {
    case "aws-secrets-manager":
      return (await import("./aws/store.ts")).openAwsStore(config, edges);
    case "gcp-secret-manager":
      return (await import("./gcp/store.ts")).openGcpStore(config, edges);
    case "file":
      return (await import("./file/store.ts")).openFileStore(config, edges);
  }
}
