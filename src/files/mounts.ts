import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";

let points: ReadonlySet<string> | undefined;

/** The mount point that a path lies below. Elsewhere than on Linux, where nobody lists them, that is `/` for all. */
export function mountOf(path: string): string {
  points ??= readPoints();
  let at = resolve(path);
  while (at !== "/" && !points.has(at)) at = dirname(at);
  return at;
}

/** Makes the next call read again what is mounted: more may have been since. */
export function forgetMounts(): void {
  points = undefined;
}

/** The kernel answers from memory, so that this read never waits for a disk. */
function readPoints(): ReadonlySet<string> {
  try {
    return parseMounts(readFileSync("/proc/self/mountinfo", "utf8"));
  } catch {
    return new Set();
  }
}

/** See proc_pid_mountinfo(5): the fifth field is the mount point, with octal escapes for blanks. */
export function parseMounts(text: string): ReadonlySet<string> {
  const fields = text.split("\n").map((line) => line.split(" ")[4] ?? "/");
  return new Set(
    fields.map((field) =>
      field.replaceAll(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8))),
    ),
  );
}
