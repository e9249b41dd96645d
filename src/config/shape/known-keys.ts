/**
 * Names of the keys that a map at this place may have; undefined where any may stand. Of alternatives that the `type` of
 * the map tells apart, only that one's.
 */
export function keysAt(
  schema: Shape,
  path: readonly (string | number)[],
  value: unknown,
): readonly string[] | undefined {
  let at: Shape | undefined = schema;
  const { definitions } = at;
  for (const step of path) {
    at = follow(at, definitions);
    if (at === undefined) return undefined;
    if (at.properties && Object.hasOwn(at.properties, step)) at = at.properties[step];
    else if (typeof step === "number") at = at.items ?? at.anyOf?.find((each) => each.items)?.items;
    else at = typeof at.additionalProperties === "object" ? at.additionalProperties : undefined;
  }
  const found = follow(at, definitions);
  const alternatives = found?.oneOf ?? found?.anyOf;
  if (alternatives) {
    const { type } = value as { type?: unknown };
    const shapes = alternatives.map((each) => follow(each, definitions)?.properties ?? {});
    const meant = shapes.filter((shape) => shape["type"]?.const !== undefined && shape["type"].const === type);
    return [...new Set((meant.length > 0 ? meant : shapes).flatMap((shape) => Object.keys(shape)))];
  }
  return found?.properties && Object.keys(found.properties);
}

/** The part of a JSON Schema that is followed. */
export interface Shape {
  readonly $ref?: string;
  readonly const?: unknown;
  readonly properties?: Readonly<Record<string, Shape>>;
  readonly additionalProperties?: Shape | boolean;
  readonly items?: Shape;
  readonly anyOf?: readonly Shape[];
  readonly oneOf?: readonly Shape[];
  readonly allOf?: readonly Shape[];
  readonly definitions?: Readonly<Record<string, Shape>>;
}

function follow(shape: Shape | undefined, definitions: Shape["definitions"]): Shape | undefined {
  const ref = shape?.$ref ?? shape?.allOf?.[0]?.$ref;
  return ref === undefined ? shape : definitions?.[ref.split("/").at(-1) ?? ""];
}
