/** What an operator may ask for: a new token, or that the stores hold the one there is. */
export type Wish = "rotate" | "publish";

/** Reads the mark that the `request` script leaves: an instant, behind a `p` for a publish. */
export function wishOf(mark: string | undefined): Wish | undefined {
  if (mark === undefined) return undefined;
  return mark.startsWith("p") ? "publish" : "rotate";
}
