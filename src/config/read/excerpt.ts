/** Keys whose values may be secrets, as they should be or because somebody wrote one there by mistake. */
export function mayHoldSecret(key: string): boolean {
  return /secret|passw|passphrase|token(?!Endpoint$)|key(?!Prefix$)|auth(?!$)|credential(?!s$)|url|^params$/i.test(key);
}

/** A key that is safe to repeat: `clientSecret:hunter2`, without the blank that makes it a key and a value, is not. */
export function isPlainKey(key: string): boolean {
  return /^[A-Za-z][A-Za-z0-9_-]{0,39}$/.test(key);
}

const MAX_LENGTH = 160;
/** What the tree does not know of: comments, and addresses with a password in them. */
const SUSPECT = /#.*(secret|passw|token|key)|\/\/\S*@/i;

/**
 * The line of a finding, for people. It ends before the first value that may be a secret, and is left out where that
 * comes before the finding itself. `hiddenFrom` is that value's column.
 */
export function excerptOf(line: string, column: number, hiddenFrom = Infinity): string | undefined {
  if (hiddenFrom <= column || SUSPECT.test(line)) return undefined;
  return hiddenFrom === Infinity
    ? line.slice(0, MAX_LENGTH)
    : `${line.slice(0, Math.min(hiddenFrom - 1, MAX_LENGTH))}...`;
}
