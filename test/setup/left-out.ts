import { leftOut } from "./tools.ts";

/** Vitest's global set-up. The lines come last, where they are read. */
export function teardown(): void {
  for (const { line } of leftOut()) process.stderr.write(`${line}\n`);
}
