import type { Env } from "../core/edges.ts";
import type { KeyObject } from "node:crypto";
import type { Credential, Instant, Provider, Secret } from "../core/credential.ts";
import { ExchangeError } from "../core/ports/exchange.ts";
import { fingerprintOf } from "../secrets/seal.ts";
import { makeFileReader } from "../secrets/file.ts";
import { SecretSourceError, readSecret } from "../secrets/source.ts";

/** A credential's secrets as they are now, with a fingerprint that tells when they, or the way they are sent, have changed. */
interface Current {
  readonly secrets: readonly Secret[];
  readonly print: string;
}

export interface ClientSecrets {
  /** Throws ExchangeError of class `secret` when not one can be read. */
  read(credential: Credential, provider: Provider): Promise<Current>;
  /** The provider refused what has this fingerprint. */
  noteRefused(id: string, print: string): void;
  /** Whether there is something to try that neither the fleet has tried last, as `recorded` has it, nor this replica. */
  haveChanged(credential: Credential, provider: Provider, recorded: string): Promise<boolean>;
}

/**
 * Replicas may see different secrets for a while, or for ever where a mount is never updated: each tries what it sees
 * once, so that they do not take turns at a provider that locks out who keeps trying.
 */
export function makeClientSecrets(env: Env, printKey: KeyObject, now: () => Instant): ClientSecrets {
  const readFile = makeFileReader(now);
  const lastRefused = new Map<string, string>();

  async function read(credential: Credential, provider: Provider): Promise<Current> {
    const secrets: Secret[] = [];
    let failed: SecretSourceError | undefined;
    for (const ref of credential.clientSecrets) {
      try {
        secrets.push(await readSecret(ref, env, readFile));
      } catch (error) {
        if (!(error instanceof SecretSourceError)) throw error;
        failed ??= error; // left out while another one can be read
      }
    }
    if (secrets.length === 0) {
      throw new ExchangeError(failed?.message ?? "no client secret is configured", {
        class: "secret",
        code: failed?.code ?? "unset",
        sent: false,
      });
    }
    return { secrets, print: fingerprintOf(printKey, secrets, JSON.stringify([provider.auth, provider.tls])) };
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
