import { formatDuration } from "../core/duration.ts";
import { stripVTControlCharacters } from "node:util";

/**
 * Pads every column to its widest cell. The first row is the head; cells hold no tab or newline, but may be coloured.
 */
export function formatTable(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, widthOf(cell));
  }
  const lines = rows.map((row) =>
    row
      .map((cell, i) => (i === row.length - 1 ? cell : cell + " ".repeat((widths[i] ?? 0) - widthOf(cell))))
      .join("  "),
  );
  return `${lines.join("\n")}\n`;
}

/** In characters, without the codes that colour the cell. */
function widthOf(cell: string): number {
  return stripVTControlCharacters(cell).length;
}

/** `in 4m 10s`, `3h 2m ago`, `now`. */
export function formatRelative(at: number, now: number): string {
  const apart = formatDuration(Math.abs(at - now), "brief");
  if (apart === "0s") return "now";
  return at > now ? `in ${apart}` : `${apart} ago`;
}
