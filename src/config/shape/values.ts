import { LABEL_NAME, LABEL_VALUE } from "./selector.ts";
import { DURATION } from "../../core/duration.ts";
import { ID, MAX_SECRETS } from "./fast-path.ts";
import { z } from "./zod.ts";

/** Schemas of values that stand in several places: durations, names, labels, shares, references to secrets. */

const DURATION_MESSAGE = "a duration like 30s, 5m, 1h30m or 14d is expected";
export const duration = z.string(DURATION_MESSAGE).regex(DURATION, DURATION_MESSAGE);
export const name = z.string().min(1, "a name is expected");
export const text = z.string().min(1, "an empty text is not allowed here");
export const id = z
  .union([z.string(), z.number()], { error: "a text or a number is expected" })
  .refine((value) => ID.test(String(value)), "1 to 128 letters, digits, dots, underscores and hyphens are expected");

export const labels = z
  .record(
    z
      .string()
      .regex(
        LABEL_NAME,
        "a label's name has 1 to 63 letters, digits, - _ and ., optionally after a DNS name and a slash",
      ),
    z
      .union([z.string(), z.number()], { error: "a text or a number is expected" })
      .refine((value) => LABEL_VALUE.test(String(value)), "a label's value has at most 63 letters, digits, - _ and ."),
  )
  .describe("Labels that select credentials on the command line: -l env=prod");

export const keyOf = (what: string) =>
  z.string().regex(/^[A-Za-z0-9._-]{1,64}$/, `a ${what}'s name has 1 to 64 letters, digits, . _ -`);

const SECRET_FORMS = "{ file: /path } or { env: NAME }";
const ONE_FORM = `either ${SECRET_FORMS}, with no other key in it`;

export const secretRef = z
  .union(
    [
      z.strictObject({
        file: text.describe("File that holds the secret; read again at every exchange"),
      }),
      z.strictObject({ env: text.describe("Environment variable that holds the secret") }),
    ],
    { error: ({ input }) => secretRefError(input) },
  )
  .describe("Where a secret is read from: { file: PATH } or { env: NAME }");

/** One reference, or a list of them. `what`: `client secret`. */
export const secretRefsOf = (what: string) => {
  const message = countMessage(what);
  return z.union([secretRef, z.array(secretRef).min(1, message).max(MAX_SECRETS, message)], {
    error: ({ input }) => secretRefsError(input, what),
  });
};

const countMessage = (what: string): string => `1 to ${MAX_SECRETS} ${what}s are expected`;

const SHARE_MESSAGE = "a share between 0% and 100% is expected";
export const share = z
  .union(
    [
      z.string().regex(/^(100(\.0+)?|\d{1,2}(\.\d+)?)%$/, SHARE_MESSAGE),
      z.number().min(0, SHARE_MESSAGE).max(1, SHARE_MESSAGE),
    ],
    {
      error: SHARE_MESSAGE,
    },
  )
  .describe("A share such as 10%");

export const count = z.int("a whole number is expected").min(1, "at least 1 is expected");

/** Never repeats the value: it may be the secret itself. */
function secretRefError(found: unknown): string {
  return isMap(found) ? `write ${ONE_FORM}` : `a secret is never written here; write ${SECRET_FORMS}`;
}

function secretRefsError(found: unknown, what: string): string {
  const inline = `a ${what} is never written here; write ${SECRET_FORMS}, or a list of them`;
  if (!Array.isArray(found)) return isMap(found) ? `write ${ONE_FORM}` : inline;
  if (!found.every(isMap)) return inline;
  return found.length > MAX_SECRETS ? countMessage(what) : `each entry must be ${ONE_FORM}`;
}

function isMap(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
