import { type KeyObject, createHmac } from "node:crypto";
import type { SecretVersion } from "../../core/ports/store.ts";

/**
 * AWS ClientRequestToken, which becomes the VersionId: `<revision, 10 digits>-<expiry, epoch s, 10 digits>-<32 hex>`.
 * The same version always has the same id, so that publishing it again is a no-op. CloudTrail shows the id, so the hash
 * is keyed and tells nothing about the token. DescribeSecret returns the id, and with it revision and expiry, so that
 * GetSecretValue is not needed.
 */
export function versionIdOf(version: SecretVersion, key: KeyObject): string {
  const hash = createHmac("sha256", key).update(version.payload.reveal()).digest("hex").slice(0, 32);
  return `${padTo10(version.revision)}-${padTo10(Math.floor(version.expiresAt / 1000))}-${hash}`;
}

/** Undefined for ids that evertoken did not make. */
export function parseVersionId(id: string): { revision: number; expiresAt: number } | undefined {
  const match = /^(\d{10})-(\d{10})-[0-9a-f]{32}$/.exec(id);
  if (match === null) return undefined;
  return { revision: Number(match[1]), expiresAt: Number(match[2]) * 1000 };
}

function padTo10(number: number): string {
  return String(number).padStart(10, "0");
}
