/** What zod found, flattened: one entry per mistake, with its place. */
export interface Mistake {
  readonly path: readonly (string | number)[];
  readonly message: string;
  readonly unknownKeys?: readonly string[];
  /** A key that must be there and is not; `path` is the map's. */
  readonly missingKey?: string;
  /** What would have been right, where that is a closed list. */
  readonly expected?: readonly string[];
  /** What type would have been right. */
  readonly kind?: string;
}

/** The part of a zod issue that is used. */
interface Issue {
  readonly code?: string;
  readonly path: readonly PropertyKey[];
  readonly message: string;
  readonly keys?: readonly string[];
  readonly values?: readonly unknown[];
  readonly options?: readonly unknown[];
  readonly expected?: string;
  readonly issues?: readonly Issue[];
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

/** `isMissing` tells whether the value of an issue is absent. */
export function mistakeOf(issue: Issue, isMissing: (path: Mistake["path"]) => boolean): Mistake {
  const path = issue.path.map((step) => (typeof step === "number" ? step : String(step)));
  const last = path.at(-1);
  const wrong = issue.code === "invalid_type" || issue.code === "invalid_union" || issue.code === "invalid_value";
  const expected = (issue.values ?? issue.options ?? []).map(String);
  const oneOf = `${expected.length > 1 ? "one of " : ""}${expected.join(", ")} is expected`;
  if (wrong && typeof last === "string" && isMissing(path)) {
    const message = `the key ${last} is missing${expected.length > 0 ? `; ${oneOf}` : ""}`;
    return { path: path.slice(0, -1), missingKey: last, message };
  }
  const say = (message: string): string => (STANDARD.test(issue.message) ? message : issue.message);
  switch (issue.code) {
    case "unrecognized_keys":
      return { path, message: "unknown key", unknownKeys: issue.keys ?? [] };
    case "invalid_key":
      return { path, message: issue.issues?.[0]?.message ?? "this name is not allowed here" };
    case "invalid_type": {
      const kind = issue.expected === "int" ? "number" : (issue.expected ?? "");
      return { path, kind, message: say(`${NAMES[issue.expected ?? ""] ?? issue.expected} is expected`) };
    }
    case "invalid_value":
    case "invalid_union": {
      if (expected.length === 0) return { path, message: say("this is not understood here; see config.example.yaml") };
      return { path, expected, message: say(oneOf) };
    }
    default:
      return { path, message: say("this is not understood here; see config.example.yaml") };
  }
}
