/** A violation of the schema, in our words. */
export interface Mistake {
  readonly path: readonly (string | number)[];
  readonly message: string;
  readonly unknownKeys?: readonly string[];
  /** A required key that is absent; `path` then leads to its map. */
  readonly missingKey?: string;
  /** The values that are right here, where the schema lists them. */
  readonly expected?: readonly string[];
  /** The type that is right here. */
  readonly kind?: string;
}

/** The part of an issue of zod that this file reads. */
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

/** Begins the messages that zod words itself. They are replaced; the messages of our schema are kept. */
const ZOD_MESSAGE = /^(Invalid|Unrecognized|Too)/;
const TYPE_NAMES: Readonly<Record<string, string>> = {
  object: "a map",
  record: "a map",
  array: "a list",
  string: "a text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
};

/** `isMissing`: whether the file has no value at a path. */
export function mistakeOf(issue: Issue, isMissing: (path: Mistake["path"]) => boolean): Mistake {
  const path = issue.path.map((step) => (typeof step === "number" ? step : String(step)));
  const last = path.at(-1);
  const isWrongValue =
    issue.code === "invalid_type" || issue.code === "invalid_union" || issue.code === "invalid_value";
  const expected = (issue.values ?? issue.options ?? []).map(String);
  const oneOf = `${expected.length > 1 ? "one of " : ""}${expected.join(", ")} is expected`;
  if (isWrongValue && typeof last === "string" && isMissing(path)) {
    const message = `the key ${last} is missing${expected.length > 0 ? `; ${oneOf}` : ""}`;
    return { path: path.slice(0, -1), missingKey: last, message };
  }
  const worded = (message: string): string => (ZOD_MESSAGE.test(issue.message) ? message : issue.message);
  switch (issue.code) {
    case "unrecognized_keys":
      return { path, message: "unknown key", unknownKeys: issue.keys ?? [] };
    case "invalid_key":
      return { path, message: issue.issues?.[0]?.message ?? "this name is not allowed here" };
    case "invalid_type": {
      const kind = issue.expected === "int" ? "number" : (issue.expected ?? "");
      return { path, kind, message: worded(`${TYPE_NAMES[issue.expected ?? ""] ?? issue.expected} is expected`) };
    }
    case "invalid_value":
    case "invalid_union": {
      if (expected.length === 0)
        return { path, message: worded("this value is not valid here; see config.example.yaml") };
      return { path, expected, message: worded(oneOf) };
    }
    default:
      return { path, message: worded("this value is not valid here; see config.example.yaml") };
  }
}
