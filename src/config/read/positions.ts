import type { Path } from "../problem.ts";

/** The places that are asked for, as a tree of the steps to them; offsets are filled in as they are found. */
export interface Spot {
  readonly below: Map<string, Spot>;
  offset?: number;
  /** Of the key that leads here. */
  keyOffset?: number;
}

/** The part of a finding that says where it is. */
export interface Located {
  readonly path: Path;
  readonly key?: string;
  readonly also?: Path;
}

export function spotsOf(findings: readonly Located[]): Spot {
  const root: Spot = { below: new Map() };
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

/** The offset of a key or of a value; of what does not stand there the nearest thing around it. */
export function offsetOf(root: Spot, path: Path, key: string | undefined): number {
  let at: Spot | undefined = root;
  let offset = root.offset ?? 0;
  for (const step of path) {
    at = at?.below.get(String(step));
    offset = at?.offset ?? at?.keyOffset ?? offset;
  }
  return (key === undefined ? undefined : at?.below.get(key)?.keyOffset) ?? offset;
}

/** Lines and columns, from 1, of offsets into a text. */
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
