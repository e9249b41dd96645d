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
import type { UnsealedToken } from "../core/ports/ports.ts";

/** Keeps a minted token unreadable while it waits in Redis for its store: only stores hold tokens in the clear. */
export interface Seal {
  seal(token: Token, context: string): Uint8Array;
  /** Undefined when no key or another context fits, or the sealed token was changed. */
  unseal(sealed: Uint8Array, context: string): UnsealedToken | undefined;
}

const FORMAT = 1;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const NONCES_AT_ONCE = 128;

/**
 * Derives a key for one purpose from a 32-byte key (RFC 5869). It is a KeyObject, because Node spends longer finding
 * out that a Buffer is none than it spends encrypting.
 */
export function deriveKey(key: Uint8Array, purpose: string): KeyObject {
  return createSecretKey(Buffer.from(hkdfSync("sha256", key, "", `evertoken ${purpose}`, 32)));
}

/**
 * AES-256-GCM. The first key seals, every key opens: a new key is put in front of the old one. `context` (credential
 * and revision) is authenticated: a sealed token opens in its own place only.
 */
export function makeSeal(keys: readonly [Uint8Array, ...Uint8Array[]]): Seal {
  const [first, ...older] = keys.map((key) => deriveKey(key, "seal")) as [KeyObject, ...KeyObject[]];
  const nonces = makeNonces();
  return {
    seal(token, context) {
      const nonce = nonces.take();
      const cipher = createCipheriv("aes-256-gcm", first, nonce).setAAD(Buffer.from(context));
      const text = JSON.stringify({ ...token, accessToken: token.accessToken.reveal() });
      const body = Buffer.concat([cipher.update(text, "utf8"), cipher.final()]);
      return Buffer.concat([Buffer.of(FORMAT), nonce, cipher.getAuthTag(), body]);
    },
    unseal(sealed, context) {
      const token = openSealed(first, sealed, context);
      if (token !== undefined) return { token, outdated: false };
      for (const key of older) {
        const opened = openSealed(key, sealed, context);
        if (opened !== undefined) return { token: opened, outdated: true };
      }
      return undefined;
    },
  };
}

function openSealed(key: KeyObject, sealed: Uint8Array, context: string): Token | undefined {
  const blob = Buffer.from(sealed);
  if (blob[0] !== FORMAT || blob.length < 1 + NONCE_BYTES + TAG_BYTES) return undefined;
  const nonce = blob.subarray(1, 1 + NONCE_BYTES);
  const tag = blob.subarray(1 + NONCE_BYTES, 1 + NONCE_BYTES + TAG_BYTES);
  try {
    const decipher = createDecipheriv("aes-256-gcm", key, nonce).setAAD(Buffer.from(context)).setAuthTag(tag);
    const text = Buffer.concat([decipher.update(blob.subarray(1 + NONCE_BYTES + TAG_BYTES)), decipher.final()]);
    const token = JSON.parse(text.toString("utf8")) as Omit<Token, "accessToken"> & {
      accessToken: string;
    };
    return { ...token, accessToken: new Secret(token.accessToken) };
  } catch {
    return undefined; // authentication failed: another key, another place, or changed
  }
}

/** Draws many random nonces at a time, which costs as much as drawing one. Each is used once. */
function makeNonces(): { take(): Uint8Array } {
  let pool = Buffer.alloc(0);
  let at = 0;
  return {
    take() {
      if (at === pool.length) {
        pool = randomBytes(NONCE_BYTES * NONCES_AT_ONCE);
        at = 0;
      }
      at += NONCE_BYTES;
      return pool.subarray(at - NONCE_BYTES, at);
    },
  };
}

/**
 * Keyed fingerprint of a token, 48 bits in base64url: two tokens of one credential never agree by accident. The key is
 * bound to this use, so that it says nothing about a client secret with the same text.
 */
export function tokenPrintOf(key: KeyObject, accessToken: Secret): string {
  return createHmac("sha256", key).update("token\0").update(accessToken.reveal()).digest("base64url").slice(0, 8);
}

/**
 * Keyed fingerprint of client secrets and of the way they are sent (`how`), 12 hex digits. It differs when one of them
 * has changed, and says nothing about them.
 */
export function fingerprintOf(key: KeyObject, secrets: readonly Secret[], how = ""): string {
  const hmac = createHmac("sha256", key).update(how);
  for (const secret of secrets) hmac.update(`${secret.reveal().length}:`).update(secret.reveal());
  return hmac.digest("hex").slice(0, 12);
}
