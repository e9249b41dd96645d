import { formatInstant } from "../../core/instant.ts";
import type { SecretVersion } from "../../core/ports/store.ts";

const KEY = {
  revision: "evertoken-revision",
  issuedAt: "evertoken-issued-at",
  expiresAt: "evertoken-expires-at",
  version: "evertoken-version",
} as const;

export type Annotations = Readonly<Record<string, string>>;

/** What evertoken notes about one version: revision and life. Not verified, as it is read back. */
export interface Description {
  readonly revision: number;
  readonly issuedAt: unknown;
  readonly expiresAt: unknown;
}

/** Notes on a secret about its newest version, for a payload that does not state them. */
export function annotationsOf(version: SecretVersion, number: string): Annotations {
  return {
    [KEY.revision]: String(version.revision),
    [KEY.issuedAt]: formatInstant(version.issuedAt),
    [KEY.expiresAt]: formatInstant(version.expiresAt),
    [KEY.version]: number,
  };
}

/** Undefined when the annotations are about another version, or not evertoken's. */
export function readAnnotations(annotations: Annotations | null | undefined, number: number): Description | undefined {
  const revision = Number(annotations?.[KEY.revision]);
  if (annotations?.[KEY.version] !== String(number) || !Number.isSafeInteger(revision)) return undefined;
  return { revision, issuedAt: annotations[KEY.issuedAt], expiresAt: annotations[KEY.expiresAt] };
}

/** The same from a listing, which does not say the newest version's number; undefined when none are evertoken's. */
export function listedAnnotations(
  annotations: Annotations | null | undefined,
): (Description & { readonly version: string }) | undefined {
  const version = annotations?.[KEY.version];
  if (version === undefined) return undefined;
  const description = readAnnotations(annotations, Number(version));
  return description && { ...description, version };
}
