import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

/** The first executable of that name in the folders of the PATH. */
export function findProgram(name: string, path = process.env["PATH"] ?? ""): string | undefined {
  const dirs = path.split(delimiter).filter((dir) => dir !== "");
  return dirs.map((dir) => join(dir, name)).find(executable);
}

function executable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
