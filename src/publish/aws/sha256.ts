import { type Hash, type Hmac, type KeyObject, createHash, createHmac, createSecretKey } from "node:crypto";

const keys = new WeakMap<ArrayBufferView, KeyObject>();

/**
 * SHA-256, or HMAC-SHA-256 with a key, as the AWS SDK wants it (`Checksum` of @smithy/types). The SDK's own hands Node
 * bytes as the key of every signature, and Node takes ten times as long to see that they are no KeyObject as it takes
 * to sign. So the KeyObject is kept: the key of a day's signatures is always the same array
 * (docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html).
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
