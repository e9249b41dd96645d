import type { CrossFinding, Path } from "../problem.ts";

/** Where keys and values stand in a text: the ones to look for as a tree, and lines and columns from offsets. */

/** The part of a finding that says where it belongs. */
export type Whereabouts = Pick<CrossFinding, "path" | "key" | "also">;

/** A value to look for and those below it, by key or index. The parser fills the offsets in. */
export interface Position {
  readonly below: Map<string, Position>;
  offset?: number;
  /** Of the key whose value this is. */
  keyOffset?: number;
}

export function positionsOf(findings: readonly Whereabouts[]): Position {
  const root: Position = { below: new Map() };
  function add(path: Path): void {
    let at = root;
    for (const step of path) {
      const next = at.below.get(String(step)) ?? { below: new Map() };
      at.below.set(String(step), next);
      at = next;
    }
  }
  for (const { path, key, also } of findings) {
    add(key === undefined ? path : [...path, key]);
    if (also !== undefined) add(also);
  }
  return root;
}

/** The offset of the key, or else of the value; where there is none, of the nearest value around it. */
export function offsetOf(root: Position, path: Path, key: string | undefined): number {
  let at: Position | undefined = root;
  let offset = root.offset ?? 0;
  for (const step of path) {
    at = at?.below.get(String(step));
    offset = at?.offset ?? at?.keyOffset ?? offset;
  }
  return (key === undefined ? undefined : at?.below.get(key)?.keyOffset) ?? offset;
}

/** Turns offsets into a text into lines and columns, both from 1. */
export function lineFinder(text: string): (offset: number) => { readonly line: number; readonly column: number } {
  const starts = [0];
  for (let end = text.indexOf("\n"); end !== -1; end = text.indexOf("\n", end + 1)) starts.push(end + 1);
  return (offset) => {
    let low = 0;
    let high = starts.length;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if ((starts[middle] ?? 0) <= offset) low = middle;
      else high = middle;
    }
    return { line: low + 1, column: offset - (starts[low] ?? 0) + 1 };
  };
}
