/** What an operator may ask for: a new token, or that the stores hold the one there is. */
export type OperatorRequestKind = "rotate" | "publish";

/** Reads the mark that the `request` script leaves: an instant, behind a `p` for a publish. */
export function requestedKind(mark: string | undefined): OperatorRequestKind | undefined {
  if (mark === undefined) return undefined;
  return mark.startsWith("p") ? "publish" : "rotate";
}
