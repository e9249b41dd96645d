import type { Path } from "./problem.ts";

/** Subtrees whose lines may hold a secret that was put there by mistake. */
const SECRET_PATH = /^(clientSecret|password|sealKey|url|endpoint|params)$/;
/** `key: value` with a value that is neither a map nor a list nor a variable. */
const SECRET_LINE =
  /(secret|password|passwd|passphrase|token(?!Endpoint)|key|credential(?!s\b)|auth|url)\w*["']?\s*:\s*(?![{[&*\s]|$)/i;

/**
 * The line of a finding, for people, or undefined where it could show a secret. A key that is not known is shown without
 * its value: it may be a mistyped clientSecret.
 */
export function excerptOf(line: string, path: Path, key: string | undefined): string | undefined {
  if (path.some((step) => SECRET_PATH.test(String(step)))) return undefined;
  if (/:\/\/[^/\s]*@/.test(line)) return undefined;
  if (key !== undefined) {
    const end = line.indexOf(key) + key.length;
    const before = line.slice(0, end);
    return end < key.length || SECRET_LINE.test(before) ? undefined : `${before}: ...`.slice(0, 160);
  }
  return SECRET_LINE.test(line) ? undefined : line.slice(0, 160);
}
