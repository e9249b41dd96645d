import { stripVTControlCharacters } from "node:util";

/** Columns padded to their widest cell; the first row is the head. Cells hold no tabs or newlines, but may be coloured. */
export function table(rows: readonly (readonly string[])[]): string {
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

/** Without the marks that colour it. */
function widthOf(cell: string): number {
  return stripVTControlCharacters(cell).length;
}

/** `in 4m 10s`, `3h 2m ago`, `now`. */
export function relative(at: number, now: number): string {
  const seconds = Math.round(Math.abs(at - now) / 1000);
  if (seconds === 0) return "now";
  return at > now ? `in ${span(seconds)}` : `${span(seconds)} ago`;
}

/** `4m 10s`, `0s`: two units are enough to act on. */
export function span(seconds: number): string {
  const parts = [
    [Math.floor(seconds / 86_400), "d"],
    [Math.floor(seconds / 3600) % 24, "h"],
    [Math.floor(seconds / 60) % 60, "m"],
    [seconds % 60, "s"],
  ] as const;
  const first = parts.findIndex(([count]) => count > 0);
  const text = parts
    .slice(first, first + 2)
    .filter(([count]) => count > 0)
    .map(([count, unit]) => `${count}${unit}`)
    .join(" ");
  return text === "" ? "0s" : text;
}
