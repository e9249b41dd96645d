import { type Held, PublishError, type Published, type SecretVersion, type Store } from "../core/ports/store.ts";

/** What a secret holds, with the content of its newest version where a kind of store compares contents. */
export interface Found {
  readonly held: Held;
  readonly content?: Buffer;
}

/**
 * What is particular to one kind of store; `makeStore` adds what all have in common. Every method MUST keep what the
 * contract of `Store` says about errors, signals and concurrent calls.
 */
export interface StoreKind extends Pick<Store, "maxBytes" | "list" | "prune" | "close"> {
  /** The kind's name in messages. */
  readonly title: string;
  /** The newest version of the secret; undefined when there is none. */
  look(secret: string, signal: AbortSignal): Promise<Found | undefined>;
  /** Whether the version is the one that was found, as far as this kind of store can tell. */
  isSame(version: SecretVersion, found: Found): boolean;
  /**
   * Writes the version, makes a missing secret when configured so, and returns the store's id of the version ("" for
   * files). `newest`: the id of the newest version so far, "" when there is none or its id is not known.
   */
  write(version: SecretVersion, newest: string, signal: AbortSignal): Promise<string>;
  /**
   * Notes revision and life beside a payload that does not state them. Called after such a payload was written, and
   * when it is found without the note: its writer was interrupted. Absent where every version states them.
   */
  describe?(version: SecretVersion, id: string, signal: AbortSignal): Promise<void>;
}

/** The store of one kind: every kind publishes in the same way. */
export function makeStore(kind: StoreKind): Store {
  const { maxBytes, list, prune } = kind;

  /**
   * 1. A payload that is too large is refused before anything is sent.
   * 2. What is known of the secret is trusted; otherwise the store is asked.
   * 3. The same version is never written again.
   * 4. A newer revision is never replaced, and neither is another version of the same revision.
   * 5. Everything else is written, and described where the payload does not describe itself.
   */
  async function publish(
    version: SecretVersion,
    known: Pick<Held, "revision" | "version"> | undefined,
    signal: AbortSignal,
  ): Promise<Published> {
    refuseTooLarge(version, kind);
    if (known !== undefined) {
      const held = { ...lifeOf(version), version: known.version, older: [] };
      return known.revision >= version.revision ? { result: "unchanged", held } : write(version, held, signal);
    }
    const found = await kind.look(version.secret, signal);
    if (found === undefined) return write(version, { version: "", older: [] }, signal);
    const { held } = found;
    if (kind.isSame(version, found)) {
      if (held.revision === version.revision) return { result: "unchanged", held };
      if (held.revision > version.revision) return { result: "superseded", held };
      await kind.describe?.(version, held.version, signal);
      return { result: "unchanged", held: { ...held, ...lifeOf(version) } };
    }
    if (held.revision >= version.revision) return { result: "superseded", held };
    // A version of another writer is not evertoken's to destroy: `held.older` has none.
    const older =
      prune !== undefined && held.revision > 0 ? [...held.older, [held.version, held.expiresAt] as const] : held.older;
    return write(version, { version: held.version, older }, signal);
  }

  async function write(
    version: SecretVersion,
    before: Pick<Held, "version" | "older">,
    signal: AbortSignal,
  ): Promise<Published> {
    const id = await kind.write(version, before.version, signal);
    if (!version.selfDescribing) await kind.describe?.(version, id, signal);
    return { result: "written", held: { ...lifeOf(version), version: id, older: before.older } };
  }

  return {
    maxBytes,
    look: async (secret, signal) => (await kind.look(secret, signal))?.held,
    publish,
    ...(list !== undefined && { list: (wanted, signal) => list(wanted, signal) }),
    ...(prune !== undefined && { prune: (secret, versions, signal) => prune(secret, versions, signal) }),
    close: () => kind.close(),
  };
}

function lifeOf({ revision, issuedAt, expiresAt }: SecretVersion): Pick<Held, "revision" | "issuedAt" | "expiresAt"> {
  return { revision, issuedAt, expiresAt };
}

function refuseTooLarge({ secret, payload }: SecretVersion, { title, maxBytes }: StoreKind): void {
  const bytes = Buffer.byteLength(payload.reveal());
  if (bytes <= maxBytes) return;
  throw new PublishError(
    `${title}: "${secret}" takes at most ${maxBytes} bytes, the payload has ${bytes}; ` +
      "publish fewer fields, or format: token",
    { class: "permanent", code: "PayloadTooLarge" },
  );
}
