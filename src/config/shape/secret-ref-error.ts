const FORMS = "{ file: /path } or { env: NAME }";
const EITHER = `either ${FORMS} is expected, and nothing else in it`;

export const MAX_SECRETS = 4;
export const SECRET_COUNT = `1 to ${MAX_SECRETS} client secrets are expected`;

/** What is wrong with something that stands where a secret is referred to. Never repeats it. */
export function secretRefError(found: unknown): string {
  return isMap(found) ? EITHER : `a secret is never written here; write ${FORMS}`;
}

/** The same where a list of them may stand. */
export function secretListError(found: unknown): string {
  const inline = `a client secret is never written here; write ${FORMS}, or a list of them`;
  if (!Array.isArray(found)) return isMap(found) ? EITHER : inline;
  if (!found.every(isMap)) return inline;
  return found.length > MAX_SECRETS ? SECRET_COUNT : `in each of them, ${EITHER}`;
}

function isMap(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
