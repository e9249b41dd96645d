/** Finds the keys that the schema allows at a place, to say them in a message about an unknown key. */

/** The part of a JSON Schema that is followed. */
export interface JsonSchema {
  readonly $ref?: string;
  readonly const?: unknown;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly additionalProperties?: JsonSchema | boolean;
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly allOf?: readonly JsonSchema[];
  readonly definitions?: Readonly<Record<string, JsonSchema>>;
}

/**
 * Names of the keys that the map `value` at `path` may have; undefined where it may have any. Where the schema has
 * alternatives by `type`, only the keys of the type that `value` names.
 */
export function knownKeys(
  schema: JsonSchema,
  path: readonly (string | number)[],
  value: unknown,
): readonly string[] | undefined {
  let at: JsonSchema | undefined = schema;
  const { definitions } = at;
  for (const step of path) {
    at = dereference(at, definitions);
    if (at === undefined) return undefined;
    if (at.properties && Object.hasOwn(at.properties, step)) at = at.properties[step];
    else if (typeof step === "number") at = at.items ?? at.anyOf?.find((each) => each.items)?.items;
    else at = typeof at.additionalProperties === "object" ? at.additionalProperties : undefined;
  }
  const found = dereference(at, definitions);
  const alternatives = found?.oneOf ?? found?.anyOf;
  if (alternatives) {
    const { type } = value as { type?: unknown };
    const maps = alternatives.map((each) => dereference(each, definitions)?.properties ?? {});
    const named = maps.filter((map) => map["type"]?.const !== undefined && map["type"].const === type);
    return [...new Set((named.length > 0 ? named : maps).flatMap((map) => Object.keys(map)))];
  }
  return found?.properties && Object.keys(found.properties);
}

function dereference(schema: JsonSchema | undefined, definitions: JsonSchema["definitions"]): JsonSchema | undefined {
  const ref = schema?.$ref ?? schema?.allOf?.[0]?.$ref;
  return ref === undefined ? schema : definitions?.[ref.split("/").at(-1) ?? ""];
}
