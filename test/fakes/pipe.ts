import { execFile } from "node:child_process";
import { promisify } from "node:util";

/** Makes named pipes: opening one waits for its other end, as a file on a dead network mount does. */
export async function makePipes(...paths: readonly string[]): Promise<void> {
  await promisify(execFile)("mkfifo", [...paths]);
}
