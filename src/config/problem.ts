/** What is wrong with a configuration: a finding of a check at a path, and the problem at a line that it becomes. */

/** Keys and list indexes from the root to a value. */
export type Path = readonly (string | number)[];

/** Undefined where the path leads nowhere. */
export function valueAt(root: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (at, step) => (typeof at === "object" && at !== null ? (at as Record<string, unknown>)[step] : undefined),
    root,
  );
}

export interface Finding {
  readonly severity: "error" | "warning";
  readonly path: Path;
  readonly message: string;
  /** The finding is about this key of the map at `path`, not about its value. */
  readonly key?: string;
  readonly suggestion?: string | undefined;
  /** The value may be a secret in the wrong place: it is not shown. */
  readonly hide?: boolean;
  /** The value that the message repeats in quotes. It is taken out again where it came from the environment. */
  readonly quoted?: string;
}

/** A finding about two places. */
export interface CrossFinding extends Finding {
  readonly also?: Path;
}

/** A finding with its place in a file, ready to be shown. Never holds a secret. */
export interface Problem {
  readonly severity: "error" | "warning";
  readonly file: string;
  readonly line?: number;
  readonly column?: number;
  readonly message: string;
  /** The line itself, up to the first value that may be a secret. */
  readonly excerpt?: string;
  readonly suggestion?: string;
}
