import { type Hash, type Hmac, type KeyObject, createHash, createHmac, createSecretKey } from "node:crypto";

const keys = new WeakMap<ArrayBufferView, KeyObject>();

/**
 * SHA-256, or HMAC-SHA-256 with a key, as the AWS SDK wants it (`Checksum` of @smithy/types). Its own hands bytes to Node as the key of
 * every signature, and Node takes ten times as long to see that these are no KeyObject as it takes to sign. The key of a day's signatures
 * (docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html) is always the same array.
 */
export class Sha256 {
  readonly #key: string | KeyObject | undefined;
  #hash: Hash | Hmac;

  constructor(key?: string | ArrayBuffer | ArrayBufferView) {
    this.#key = key === undefined || typeof key === "string" ? key : keyOf(key);
    this.#hash = this.#begin();
  }

  update(bytes: Uint8Array): void {
    this.#hash.update(bytes);
  }

  async digest(): Promise<Uint8Array> {
    return this.#hash.digest();
  }

  reset(): void {
    this.#hash = this.#begin();
  }

  #begin(): Hash | Hmac {
    return this.#key === undefined ? createHash("sha256") : createHmac("sha256", this.#key);
  }
}

function keyOf(key: ArrayBuffer | ArrayBufferView): KeyObject {
  const bytes = ArrayBuffer.isView(key) ? key : new Uint8Array(key);
  const known = keys.get(bytes) ?? createSecretKey(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  keys.set(bytes, known);
  return known;
}
