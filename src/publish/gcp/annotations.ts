import { formatInstant, parseInstant } from "../../core/instant.ts";
import type { SecretVersion, Superseded } from "../../core/ports/store.ts";

const KEY = {
  revision: "evertoken-revision",
  issuedAt: "evertoken-issued-at",
  expiresAt: "evertoken-expires-at",
  version: "evertoken-version",
  superseded: "evertoken-superseded",
} as const;

export type Annotations = Readonly<Record<string, string>>;

/** What evertoken notes about one version: revision and life. Not verified, as it is read back. */
export interface Description {
  readonly revision: number;
  readonly issuedAt: unknown;
  readonly expiresAt: unknown;
}

/** Superseded versions that are noted; those before them are destroyed by then. */
const SUPERSEDED_NOTED = 10;

/**
 * Notes on a secret about its newest version, for a payload that does not state them. `before`: all annotations so far.
 * The version that they describe is noted as superseded: its payload does not say that it is ours.
 */
export function annotationsOf(version: SecretVersion, number: string, before: Annotations): Annotations {
  const superseded = supersededIn(before);
  const described = before[KEY.version];
  const expiresAt = parseInstant(before[KEY.expiresAt]);
  if (described !== undefined && described !== number && expiresAt !== undefined) {
    superseded.unshift([described, expiresAt]);
  }
  const noted = superseded.filter(([each]) => each !== number).slice(0, SUPERSEDED_NOTED);
  return {
    ...before,
    ...(noted.length > 0 && { [KEY.superseded]: noted.map(([each, at]) => `${each}@${at}`).join(" ") }),
    [KEY.revision]: String(version.revision),
    [KEY.issuedAt]: formatInstant(version.issuedAt),
    [KEY.expiresAt]: formatInstant(version.expiresAt),
    [KEY.version]: number,
  };
}

/** The superseded versions of ours that the annotations name, the newest first. */
export function supersededIn(annotations: Annotations | null | undefined): Superseded[] {
  const entries = annotations?.[KEY.superseded]?.split(" ") ?? [];
  return entries.flatMap((entry): Superseded[] => {
    const [, version = "", at = ""] = /^(\d+)@(\d+)$/.exec(entry) ?? [];
    return version === "" ? [] : [[version, Number(at)]];
  });
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
