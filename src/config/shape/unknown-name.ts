import type { Finding, Path } from "../problem.ts";
import { closest } from "../suggest.ts";
import { WRONG } from "./salvage.ts";

/** A name of a provider, store or template, and where it stands. */
interface Reference {
  readonly kind: "provider" | "store" | "template";
  readonly name: string;
  readonly path: Path;
}

/** Reports a reference that no `known` name answers to. */
export function unknownName({ kind, name, path }: Reference, known: readonly string[]): Finding[] {
  if (name === WRONG) return [];
  const list = known.length === 0 ? `no ${kind} is configured` : `configured: ${known.slice(0, 10).join(", ")}`;
  const message = `there is no ${kind} "${name}"; ${list}`;
  return [{ severity: "error", path, message, suggestion: closest(name, known), quoted: name }];
}
