import { readFile } from "node:fs/promises";
import { configSchema } from "../../config/parse.ts";
import { type Invocation, exitCode } from "../command.ts";

const LOG_EVENTS = new URL("../../observe/log-events.schema.json", import.meta.url);

/** `evertoken schema [config|log-events]`: JSON Schema of draft-07. */
export async function schemaCommand({ args, io }: Invocation<unknown>): Promise<number> {
  const log = args[0] === "log-events";
  io.out(log ? await readFile(LOG_EVENTS, "utf8") : `${JSON.stringify(configSchema(), undefined, 2)}\n`);
  return exitCode.ok;
}
