import { readFileSync } from "node:fs";
import { LineCounter, type Pair, type YAMLMap, isMap, isScalar, parse, parseDocument } from "yaml";
import { jsonSchema } from "../../src/config/schema.ts";

/** helm/values.schema.json, made from helm/values.yaml and the daemon's own schema. */

export const CHART = new URL("../../helm/", import.meta.url).pathname;

type Schema = Record<string, unknown>;

/** The schema of all values: types from the defaults, descriptions from the comments, the rest from `@schema` behind a key. */
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
    if (said?.["$ref"] !== undefined) return { ...text, allOf: [said] };
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

  /** The comment above a map's first key belongs to the map. */
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
  const { config, definitions } = bundled(daemon);
  return {
    $schema: "http://json-schema.org/draft-07/schema#",
    title: "Values of the evertoken chart",
    type: "object",
    ...properties(document.contents, "values"),
    additionalProperties: false,
    definitions: { config, ...definitions },
  };
}

function typeOf(value: unknown, path: string, said: Schema | undefined): Schema {
  if (said?.["type"] !== undefined) return {};
  if (typeof value === "string" || typeof value === "boolean") return { type: typeof value };
  if (typeof value === "number") return { type: Number.isInteger(value) ? "integer" : "number" };
  if (said === undefined) throw new Error(`${path}: an empty value says nothing of its type; add an @schema behind it`);
  return { type: said["items"] === undefined ? "object" : "array" };
}

/**
 * The daemon's schema as a part of the chart's. Helm reads numbers as floating point and knows YAML 1.1's octal ones, so that
 * a name that is a number must be quoted here: 0123 and 12345678901234567890 would silently be another account.
 */
function bundled(daemon: Schema): { config: Schema; definitions: Schema } {
  const { $schema: _, definitions = {}, ...config } = structuredClone(daemon) as { definitions?: Schema } & Schema;
  onlyText({ config, definitions }, definitions);
  for (const each of Object.values(definitions)) withoutLookahead(each as Schema);
  return { config, definitions };
}

/** Go's regular expressions, which Helm checks with, have none. */
function withoutLookahead(schema: Schema): void {
  const { pattern } = schema as { pattern?: string };
  if (!pattern?.startsWith("^(?=\\d)")) return;
  schema["pattern"] = pattern.replace("(?=\\d)", "");
  schema["minLength"] = 1;
}

/** Where any text may stand, a number may not; a share such as 0.75 is one of a certain form. */
function onlyText(schema: unknown, definitions: Schema): void {
  if (typeof schema !== "object" || schema === null) return;
  const { anyOf } = schema as { anyOf?: Schema[] };
  const alternatives = anyOf?.map((each) => resolved(each, definitions));
  if (alternatives?.some(({ type, pattern }) => type === "string" && pattern === undefined)) {
    (schema as Schema)["anyOf"] = anyOf?.filter((_, i) => alternatives[i]?.["type"] !== "number");
  }
  for (const child of Object.values(schema)) onlyText(child, definitions);
}

function resolved(schema: Schema, definitions: Schema): Schema {
  const { $ref } = schema as { $ref?: string };
  return $ref === undefined ? schema : ((definitions[$ref.split("/").at(-1) ?? ""] as Schema | undefined) ?? {});
}
