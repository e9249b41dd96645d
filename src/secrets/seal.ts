import {
  type KeyObject,
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  hkdfSync,
  randomBytes,
} from "node:crypto";
import { Secret, type Token } from "../core/credential.ts";

/** Keeps a minted token unreadable while it waits for a store (design, decision 3). */
export interface Seal {
  seal(token: Token, context: string): Uint8Array;
  /** Undefined when the key or the context is another one, or the blob was touched. */
  unseal(sealed: Uint8Array, context: string): Token | undefined;
}

const FORMAT = 1;
const NONCE = 12;
const NONCES = 128;
const TAG = 16;

/** A key of its own per purpose from one 32-byte key (RFC 5869). As a KeyObject: Node takes longer to see that bytes are none than to use them. */
export function deriveKey(key: Uint8Array, purpose: string): KeyObject {
  return createSecretKey(Buffer.from(hkdfSync("sha256", key, "", `evertoken ${purpose}`, 32)));
}

/** AES-256-GCM; `context` (credential and revision) is authenticated, so that a blob fits one place only. */
export function makeSeal(key: Uint8Array): Seal {
  const sealKey = deriveKey(key, "seal");
  const nonces = makeNonces();
  return {
    seal(token, context) {
      const nonce = nonces.take();
      const cipher = createCipheriv("aes-256-gcm", sealKey, nonce).setAAD(Buffer.from(context));
      const text = JSON.stringify({ ...token, accessToken: token.accessToken.reveal() });
      const body = Buffer.concat([cipher.update(text, "utf8"), cipher.final()]);
      return Buffer.concat([Buffer.of(FORMAT), nonce, cipher.getAuthTag(), body]);
    },
    unseal(sealed, context) {
      const blob = Buffer.from(sealed);
      if (blob[0] !== FORMAT || blob.length < 1 + NONCE + TAG) return undefined;
      const nonce = blob.subarray(1, 1 + NONCE);
      const tag = blob.subarray(1 + NONCE, 1 + NONCE + TAG);
      try {
        const decipher = createDecipheriv("aes-256-gcm", sealKey, nonce).setAAD(Buffer.from(context)).setAuthTag(tag);
        const text = Buffer.concat([decipher.update(blob.subarray(1 + NONCE + TAG)), decipher.final()]);
        const token = JSON.parse(text.toString("utf8")) as Omit<Token, "accessToken"> & {
          accessToken: string;
        };
        return { ...token, accessToken: new Secret(token.accessToken) };
      } catch {
        return undefined; // authentication failed: the token is minted again
      }
    },
  };
}

/** Drawn many at a time, which costs as much as one; each is used once. */
function makeNonces(): { take(): Uint8Array } {
  let pool = Buffer.alloc(0);
  let at = 0;
  return {
    take() {
      if (at === pool.length) {
        pool = randomBytes(NONCE * NONCES);
        at = 0;
      }
      at += NONCE;
      return pool.subarray(at - NONCE, at);
    },
  };
}

/** Keyed fingerprint of secrets and how they are sent: tells that something has changed, says nothing about it. 12 hex digits. */
export function printOf(key: KeyObject, secrets: readonly Secret[], how = ""): string {
  const hmac = createHmac("sha256", key).update(how);
  for (const secret of secrets) hmac.update(`${secret.reveal().length}:`).update(secret.reveal());
  return hmac.digest("hex").slice(0, 12);
}
