/** What may be shown of a line in which a finding stands. */

/** Whether the value of a key may be a secret: where one belongs, or where somebody may have put one by mistake. */
export function mayHoldSecret(key: string): boolean {
  return /secret|passw|passphrase|token(?!Endpoint$)|key(?!Prefix$)|auth(?!$)|credential(?!s$)|url|^params$/i.test(key);
}

/**
 * Whether a key may be repeated. `clientSecret:hunter2` may not: without a blank after the colon YAML reads one key.
 */
export function isSafeKey(key: string): boolean {
  return /^[A-Za-z][A-Za-z0-9_-]{0,39}$/.test(key);
}

const MAX_LENGTH = 160;
/** A comment about a secret, or a URL with a password: the tree of the file knows of neither. */
const SUSPECT = /#.*(secret|passw|token|key)|\/\/\S*@/i;

/**
 * The line up to the first value that may be a secret, which begins in column `hiddenFrom`. Undefined where that value
 * comes before the finding itself.
 */
export function excerptOf(line: string, column: number, hiddenFrom = Infinity): string | undefined {
  if (hiddenFrom <= column || SUSPECT.test(line)) return undefined;
  return hiddenFrom === Infinity
    ? line.slice(0, MAX_LENGTH)
    : `${line.slice(0, Math.min(hiddenFrom - 1, MAX_LENGTH))}...`;
}
