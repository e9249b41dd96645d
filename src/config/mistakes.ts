/** What zod found, flattened: one entry per mistake, with its place. */
export interface Mistake {
  readonly path: readonly (string | number)[];
  readonly message: string;
  readonly unknownKeys?: readonly string[];
  /** What would have been right, where that is a closed list. */
  readonly expected?: readonly string[];
}

/** The part of a zod issue that is used. */
interface Issue {
  readonly code?: string;
  readonly path: readonly PropertyKey[];
  readonly message: string;
  readonly input?: unknown;
  readonly keys?: readonly string[];
  readonly values?: readonly unknown[];
  readonly expected?: string;
}

/** Zod's own sentences, which are replaced; ours are kept. */
const STANDARD = /^(Invalid|Unrecognized|Too)/;
const NAMES: Readonly<Record<string, string>> = {
  object: "a map",
  record: "a map",
  array: "a list",
  string: "a text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
};

export function mistakeOf(issue: Issue): Mistake {
  const path = issue.path.map((step) => (typeof step === "number" ? step : String(step)));
  const standard = STANDARD.test(issue.message);
  switch (issue.code) {
    case "unrecognized_keys":
      return { path, message: "unknown key", unknownKeys: issue.keys ?? [] };
    case "invalid_type": {
      const expected = `${NAMES[issue.expected ?? ""] ?? issue.expected} is expected`;
      const missing = issue.message.endsWith(" received undefined");
      return { path, message: !standard ? issue.message : missing ? `this key is missing; ${expected}` : expected };
    }
    case "invalid_value": {
      const expected = (issue.values ?? []).map(String);
      return { path, expected, message: standard ? `one of ${expected.join(", ")} is expected` : issue.message };
    }
    case "invalid_union":
      return { path, message: standard ? "this is not understood here; see config.example.yaml" : issue.message };
    default:
      return { path, message: standard ? "this is not understood here; see config.example.yaml" : issue.message };
  }
}
