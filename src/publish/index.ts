import type { KeyObject } from "node:crypto";
import type { AwsStore, FileStore, GcpStore, StoreConfig } from "../core/credential.ts";
import type { Store } from "../core/ports/store.ts";
import type { Pace } from "./pace.ts";

export interface StoreEdges {
  /** Keys the hash in version ids, so that they say nothing about the token. */
  readonly versionKey: KeyObject;
  /** Absent where nothing limits writes. */
  readonly pace?: Pace;
  /** The same of what is looked up. */
  readonly paceReads?: Pace;
}

/** A store is one file and one entry here. Imported when it is configured: an SDK costs a quarter of a second and 25 MB. */
const stores = {
  "aws-secrets-manager": async (config: AwsStore, edges: StoreEdges) =>
    (await import("./aws/store.ts")).openAwsStore(config, edges),
  "gcp-secret-manager": async (config: GcpStore, edges: StoreEdges) =>
    (await import("./gcp/store.ts")).openGcpStore(config, edges),
  file: async (config: FileStore, edges: StoreEdges) => (await import("./file/store.ts")).openFileStore(config, edges),
};

export async function openStore(config: StoreConfig, edges: StoreEdges): Promise<Store> {
  switch (config.type) {
    case "aws-secrets-manager":
      return stores[config.type](config, edges);
    case "gcp-secret-manager":
      return stores[config.type](config, edges);
    case "file":
      return stores[config.type](config, edges);
  }
}
