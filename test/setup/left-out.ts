import { leftOut } from "./tools.ts";

/** The global set-up of Vitest. The lines come at the end of the run, where people read them. */
export function teardown(): void {
  for (const { line } of leftOut()) process.stderr.write(`${line}\n`);
}
