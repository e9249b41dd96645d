import type { Credential, Provider, Target } from "../credential.ts";

/** The last digits of a spec that records keep: 36 bits tell that what is asked for has changed. */
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
 * What was worked out for the last thousand: one rotation asks ten times. Not for all of a fleet, where it would stay for good.
 */
function remembering<K extends object>(work: (key: K) => string): (key: K) => string {
  const last = new Map<K, string>();
  return (key) => {
    const known = last.get(key);
    if (known !== undefined) return known;
    const value = work(key);
    if (last.size >= 1000) last.clear();
    last.set(key, value);
    return value;
  };
}

/** Fingerprint of everything that decides which token is asked for: when it changes, the token is rotated. */
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

/** Whether two fingerprints are of the same, as far as records keep them. */
export function sameSpec(a: string, b: string): boolean {
  return a.slice(-SPEC_DIGITS) === b.slice(-SPEC_DIGITS);
}

/** Short stable key of a target: reordering the publish list changes nothing, another template is another target. */
export const targetKey = remembering(({ store, secret, format, template }: Target): string => {
  const text = template === undefined ? "" : `\0${template}`;
  return fingerprint(`${store}\0${secret}\0${format}${text}`).slice(0, 7);
});

/** What the due index compares with what it remembers: the spec, and a key for each target that is to hold the token. */
export function registrationOf(credential: Credential, provider: Provider): string {
  return [specOf(credential, provider), ...credential.publish.map(targetKey)].join(" ");
}
