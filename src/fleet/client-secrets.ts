import type { Env } from "../core/edges.ts";
import type { KeyObject } from "node:crypto";
import type { Credential, Instant, Provider, Secret } from "../core/credential.ts";
import { ExchangeError } from "../core/ports/exchange.ts";
import { fingerprintOf } from "../secrets/seal.ts";
import { makeFileReader } from "../secrets/file.ts";
import { SecretSourceError, readSecret } from "../secrets/source.ts";

/** The client secrets of a credential as they are now. */
interface ReadSecrets {
  readonly secrets: readonly Secret[];
  /** The place of each secret in the configured list, from 1. */
  readonly places: readonly number[];
  /** Fingerprint of the secrets and of the way they are sent: it differs when either has changed. */
  readonly print: string;
}

export interface ClientSecrets {
  /** Throws ExchangeError of class `secret` when none can be read. */
  read(credential: Credential, provider: Provider, signal?: AbortSignal): Promise<ReadSecrets>;
  /** The provider refused the secrets with this fingerprint. */
  noteRefused(id: string, print: string): void;
  /**
   * Whether the secrets differ from those that the fleet tried last (`recorded`) and from those that this replica did.
   */
  haveChanged(credential: Credential, provider: Provider, recorded: string): Promise<boolean>;
}

/**
 * Replicas may see different secrets for a while, or for ever where a mount is never updated. Each tries once what it
 * sees: if they took turns, the provider might lock the account.
 */
export function makeClientSecrets(env: Env, printKey: KeyObject, now: () => Instant): ClientSecrets {
  const readFile = makeFileReader(now);
  const lastRefused = new Map<string, string>();

  async function read(credential: Credential, provider: Provider, signal?: AbortSignal): Promise<ReadSecrets> {
    const secrets: Secret[] = [];
    const places: number[] = [];
    let failed: SecretSourceError | undefined;
    for (const [at, ref] of credential.clientSecrets.entries()) {
      try {
        secrets.push(await readSecret(ref, env, { read: readFile, ...(signal && { signal }) }));
        places.push(at + 1);
      } catch (error) {
        if (!(error instanceof SecretSourceError)) throw error;
        failed ??= error; // this secret is left out while another one can be read
      }
    }
    if (secrets.length === 0) {
      throw new ExchangeError(failed?.message ?? "no client secret is configured", {
        class: "secret",
        code: failed?.code ?? "unset",
        sent: false,
      });
    }
    return { secrets, places, print: fingerprintOf(printKey, secrets, JSON.stringify([provider.auth, provider.tls])) };
  }

  return {
    read,
    noteRefused: (id, print) => void lastRefused.set(id, print),
    async haveChanged(credential, provider, recorded) {
      try {
        const { print } = await read(credential, provider);
        return print !== recorded && print !== lastRefused.get(credential.id);
      } catch (error) {
        if (error instanceof ExchangeError) return false; // still unreadable
        throw error;
      }
    },
  };
}
