import type { Env } from "../core/edges.ts";
import { checkText } from "./check/documents.ts";
import { type Parsed, resolveChecked } from "./config.ts";
import { jsonSchema } from "./shape/schema.ts";

/** A configuration without its files: one text, or the schema of all. */

/** Leaves out the files that the text includes. Relative paths in it are relative to the folder of `file`. */
export function parseConfig(text: string, file: string, env: Env): Parsed {
  return resolveChecked(checkText(text, file, env), file);
}

/** Draft-07 JSON Schema for editors. */
export function configSchema(): object {
  return jsonSchema();
}
