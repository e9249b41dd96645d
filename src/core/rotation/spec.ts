import type { Credential, Provider, Target } from "../credential.ts";

/** How many of a spec's last digits records keep: 36 bits are enough to notice a change. */
export const SPEC_DIGITS = 7;

/** 53-bit string hash (cyrb53, public domain), base 36: short, stable, not secret, not for security. */
function fingerprint(text: string): string {
  let a = 0xdeadbeef;
  let b = 0x41c6ce57;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    a = Math.imul(a ^ unit, 2654435761);
    b = Math.imul(b ^ unit, 1597334677);
  }
  a = Math.imul(a ^ (a >>> 16), 2246822507) ^ Math.imul(b ^ (b >>> 13), 3266489909);
  b = Math.imul(b ^ (b >>> 16), 2246822507) ^ Math.imul(a ^ (a >>> 13), 3266489909);
  return (4294967296 * (2097151 & b) + (a >>> 0)).toString(36);
}

/**
 * Remembers the results of at most a thousand keys: one rotation needs the same result ten times. The results of a
 * whole fleet would take memory that is never given back.
 */
function rememberRecent<K extends object>(work: (key: K) => string): (key: K) => string {
  const recent = new Map<K, string>();
  return (key) => {
    const known = recent.get(key);
    if (known !== undefined) return known;
    const value = work(key);
    if (recent.size >= 1000) recent.clear();
    recent.set(key, value);
    return value;
  };
}

/** Fingerprint of everything that decides which token is requested: when the spec changes, the token is rotated. */
export function specOf(credential: Credential, provider: Provider): string {
  return fingerprint(
    JSON.stringify([
      credential.tokenEndpoint ?? provider.tokenEndpoint,
      provider.grant,
      credential.clientId,
      credential.scope ?? null,
      provider.params,
      credential.params,
    ]),
  );
}

/** Whether two fingerprints are of the same spec, by the digits that records keep. */
export function sameSpec(a: string, b: string): boolean {
  return a.slice(-SPEC_DIGITS) === b.slice(-SPEC_DIGITS);
}

/** Short stable key of a target. Its place in the publish list does not matter; another template is another target. */
export const targetKey = rememberRecent(({ store, secret, format, template }: Target): string => {
  const text = template === undefined ? "" : `\0${template}`;
  return fingerprint(`${store}\0${secret}\0${format}${text}`).slice(0, 7);
});

/** What the due index compares with its own state: the spec, and the key of each target. */
export function registrationOf(credential: Credential, provider: Provider): string {
  return [specOf(credential, provider), ...credential.publish.map(targetKey)].join(" ");
}
