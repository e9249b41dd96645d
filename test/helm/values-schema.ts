import { readFileSync } from "node:fs";
import { LineCounter, type Pair, type YAMLMap, isMap, isScalar, parse, parseDocument } from "yaml";
import { jsonSchema } from "../../src/config/shape/schema.ts";

/** Makes helm/values.schema.json from helm/values.yaml and the schema of the daemon. */

export const CHART = new URL("../../helm/", import.meta.url).pathname;

type Schema = Record<string, unknown>;

/**
 * The schema of all values: types come from the defaults, descriptions from the comments, the rest from `@schema`
 * after a key.
 */
export function valuesSchema(text = readFileSync(`${CHART}values.yaml`, "utf8"), daemon: Schema = { ...jsonSchema() }) {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const rows = text.split("\n");

  function ofPair(pair: Pair, path: string, before: string): Schema {
    const { key, value } = pair;
    if (!isScalar(key) || !key.range) throw new Error(`${path}: a key is expected`);
    const row = rows[lines.linePos(key.range[0]).line - 1] ?? "";
    const comment = / # @schema (\{.*\})$/.exec(row)?.[1];
    const said = comment === undefined ? undefined : (parse(comment) as Schema);
    const description = /^ ?-- (.*)$/m.exec(key.commentBefore ?? before)?.[1];
    const text = description === undefined ? {} : { description };
    if (said?.["$ref"] === "daemon") return { ...text, ...bundled(daemon) };
    return { ...text, ...ofValue(value, path, said) };
  }

  function ofValue(value: unknown, path: string, said: Schema | undefined): Schema {
    if (isMap(value) && value.items.length > 0 && said?.["additionalProperties"] === undefined) {
      return { type: "object", ...properties(value, path), additionalProperties: false, ...said };
    }
    if (isMap(value) && said?.["additionalProperties"] === true && path.endsWith(".global")) {
      return { type: "object", ...properties(value, path), ...said };
    }
    const type = typeOf(document.getIn(path.split(".").slice(1)), path, said);
    return { ...type, ...said };
  }

  /** The properties of a map. The comment above its first key is the comment of the map. */
  function properties(map: YAMLMap, path: string): Schema {
    return {
      properties: Object.fromEntries(
        map.items.map((pair, i) => {
          const name = String(pair.key);
          return [name, ofPair(pair, `${path}.${name}`, i === 0 ? (map.commentBefore ?? "") : "")];
        }),
      ),
    };
  }

  if (!isMap(document.contents)) throw new Error("values.yaml is not a map");
  return {
    $schema: "http://json-schema.org/draft-07/schema#",
    title: "Values of the evertoken chart",
    type: "object",
    ...properties(document.contents, "values"),
    additionalProperties: false,
  };
}

function typeOf(value: unknown, path: string, said: Schema | undefined): Schema {
  if (said?.["type"] !== undefined) return {};
  if (typeof value === "string" || typeof value === "boolean") return { type: typeof value };
  if (typeof value === "number") return { type: Number.isInteger(value) ? "integer" : "number" };
  if (said === undefined) throw new Error(`${path}: an empty value has no type; add an @schema after it`);
  return { type: said["items"] === undefined ? "object" : "array" };
}

/**
 * The schema of the daemon as a part of that of the chart, with all references resolved: then a changed key changes
 * one place. Helm reads numbers as floating point, and as octal numbers of YAML 1.1. So a name that is a number must
 * be quoted here: 0123 and 12345678901234567890 would silently name other accounts.
 */
function bundled(daemon: Schema): Schema {
  const { $schema: _, definitions = {}, ...config } = daemon as { definitions?: Record<string, Schema> } & Schema;

  function inlined(value: unknown): unknown {
    if (Array.isArray(value)) return value.map(inlined);
    if (typeof value !== "object" || value === null) return value;
    const { $ref, allOf, ...rest } = value as { $ref?: string; allOf?: Schema[] } & Schema;
    const target = $ref === undefined ? allOf?.[0] : definitions[$ref.split("/").at(-1) ?? ""];
    const whole = { ...(inlined(target) as Schema | undefined), ...rest };
    return forHelm(Object.fromEntries(Object.entries(whole).map(([key, child]) => [key, inlined(child)])));
  }

  return inlined(config) as Schema;
}

/** Forbids numbers where any text is allowed, and drops lookaheads, which the regular expressions of Go do not have. */
function forHelm(schema: Schema): Schema {
  const { anyOf, pattern } = schema as { anyOf?: Schema[]; pattern?: string };
  const anyText = anyOf?.some(({ type, pattern }) => type === "string" && pattern === undefined);
  if (anyText) return { ...schema, anyOf: anyOf?.filter(({ type }) => type !== "number") };
  if (!pattern?.startsWith("^(?=\\d)")) return schema;
  return { ...schema, pattern: pattern.replace("(?=\\d)", ""), minLength: 1 };
}
