import { OwnError } from "../own-error.ts";
import type { Instant, Secret } from "../credential.ts";

/** Classes of store errors (kept in step with the runbooks). `unavailable`: no answer, or 5xx. */
export type PublishErrorClass =
  | "throttled"
  | "unavailable"
  | "quota"
  | "auth"
  | "not_found"
  | "conflict"
  | "state"
  | "permanent";

/** Safe to log: rebuilt at the edge from allow-listed scalars; never carries the SDK's error, text or cause. */
export class PublishError extends OwnError {
  override readonly name = "PublishError";
  readonly class: PublishErrorClass;
  /** The cloud's error name, gRPC code name or errno, allow-listed: `ThrottlingException`, `UNAVAILABLE`, `EACCES`. */
  readonly code: string;
  /** True when the write may have happened: the next publish MUST look before it writes. */
  readonly ambiguous: boolean;
  constructor(message: string, facts: { class: PublishErrorClass; code: string; ambiguous?: boolean }) {
    super(message);
    this.class = facts.class;
    this.code = facts.code;
    this.ambiguous = facts.ambiguous ?? false;
  }
}

/** Code of the error for a caller that an open breaker turns away. Its class is that of the failure that all share. */
export const STORE_DOWN = "StoreDown";

/** Whether the store has refused the write for good. A caller that was turned away has not been refused. */
export function isRefusal({ class: className, code }: Pick<PublishError, "class" | "code">): boolean {
  return className === "permanent" && code !== STORE_DOWN;
}

/** Whether the error is a PublishError of one of the classes. */
export function isPublishError(error: unknown, ...classes: readonly PublishErrorClass[]): error is PublishError {
  return error instanceof PublishError && classes.includes(error.class);
}

/** A superseded version of ours, with the expiry of its token. */
export type Superseded = readonly [version: string, expiresAt: Instant];

/** What a secret holds now, as far as the store tells without showing the token. */
export interface Held {
  readonly revision: number;
  readonly issuedAt: Instant;
  readonly expiresAt: Instant;
  /** The store's id of the newest version (AWS VersionId, GCP version number); "" for files. */
  readonly version: string;
  /** Older versions that still exist and cost money (GCP): only those known to be ours. [] elsewhere. */
  readonly older: readonly Superseded[];
}

/** A secret and what it holds. */
export type Listed = readonly [secret: string, held: Held];

/** One immutable value to be written. */
export interface SecretVersion {
  /** Name of the secret within the store, as configured. */
  readonly secret: string;
  /** The rendered text (JSON, bare token or template). */
  readonly payload: Secret;
  readonly revision: number;
  readonly issuedAt: Instant;
  readonly expiresAt: Instant;
  /** True when the payload is evertoken's flat JSON, so that revision and expiry can be read back from it. */
  readonly selfDescribing: boolean;
}

/** What the journal remembers of the secret for sure; undefined: nothing, the store MUST be asked first. */
type Known = Pick<Held, "revision" | "version"> | undefined;

export interface Published {
  /**
   * `written` now; `unchanged`: this version was there; `superseded`: a newer revision is there, or another token of
   * the same one. Nothing was written then.
   */
  readonly result: "written" | "unchanged" | "superseded";
  readonly held: Held;
}

/**
 * A place where consumers read. Methods MUST throw `PublishError` and nothing else, MUST honour `signal`
 * (every single call also ends at the store's own timeout), MUST be safe to call concurrently for different secrets,
 * MUST NOT retry by themselves beyond one immediate probe, and MUST NOT show payloads in errors.
 */
export interface Store {
  /** Newest version of the secret; undefined when there is none (no secret, or no version). Absence is no error. */
  look(secret: string, signal: AbortSignal): Promise<Held | undefined>;
  /**
   * MUST be idempotent: the same version again writes nothing. MUST NOT replace a newer revision, nor another token of
   * the same one.
   * MUST create a missing secret when configured so, otherwise throw `not_found` that names secret and permission.
   * MAY trust `known` and skip looking first.
   */
  publish(version: SecretVersion, known: Known, signal: AbortSignal): Promise<Published>;
  /**
   * What the wanted secrets hold, page by page, in far fewer or cheaper calls than a `look` for each, paced below the
   * store's read quota. MAY leave some out, and MAY be minutes behind: `look` decides before anything is minted. One
   * that evertoken did not write comes with revision 0.
   */
  list?(wanted: ReadonlySet<string>, signal: AbortSignal): AsyncIterable<readonly Listed[]>;
  /**
   * Destroys superseded versions of ours whose tokens are dead. MUST refuse the newest. Absent where versions cost
   * nothing.
   */
  prune?(secret: string, versions: readonly string[], signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
  /** Largest payload in bytes. */
  readonly maxBytes: number;
}
