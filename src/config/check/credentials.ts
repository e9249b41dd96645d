import { presets } from "../resolve/presets.ts";
import { checkParams } from "./provider.ts";
import { type Place, checkFolders, checkTarget, placesOf } from "./target.ts";
import type { ExpandedFile } from "../expand/expand.ts";
import type { CrossFinding, Path } from "../problem.ts";
import { WRONG } from "../shape/salvage.ts";
import { unknownName } from "../shape/unknown-name.ts";

/** A target in one number, for maps of as many as a fleet has: the credential's index, then the target's own. */
const TARGETS = 2 ** 16;

function pathOf(spot: number): Path {
  return ["credentials", Math.floor(spot / TARGETS), "publish", spot % TARGETS, "secret"];
}

/** What credentials refer to, and what no two of them may have in common. Paths are made only where something is wrong. */
export function checkCredentials(file: ExpandedFile): CrossFinding[] {
  const findings: CrossFinding[] = [];
  const ids = new Map<string, number>();
  const places = placesOf(file.stores);
  const fieldsOf = new Map(
    Object.entries(file.providers).map(([name, { preset, publishFields }]) => {
      return [name, publishFields ?? (preset && presets[preset].publishFields) ?? []] as const;
    }),
  );
  for (const [i, credential] of file.credentials.entries()) {
    const id = String(credential.id);
    const first = ids.get(id);
    if (first === undefined) ids.set(id, i);
    else {
      const also: Path = ["credentials", first, "id"];
      const message = `the id "${id}" stands here twice`;
      findings.push({ severity: "error", path: ["credentials", i, "id"], also, message, quoted: id });
    }
    const fields = fieldsOf.get(credential.provider);
    if (fields === undefined) {
      const path = ["credentials", i, "provider"];
      findings.push(...unknownName("provider", credential.provider, path, Object.keys(file.providers)));
    }
    if (credential.params !== undefined) {
      findings.push(...checkParams(credential.params, ["credentials", i, "params"]));
    }
    for (let j = 0; j < credential.publish.length; j++) {
      for (const finding of checkPublish(file, i, j, fields ?? [], places)) findings.push(finding);
    }
  }
  const folders = checkFolders(places);
  return [
    ...findings,
    ...folders.map(({ spot, first, ...rest }) => ({ ...rest, path: pathOf(spot), also: pathOf(first) })),
  ];
}

const NONE: readonly CrossFinding[] = [];

function checkPublish(
  file: ExpandedFile,
  i: number,
  j: number,
  fields: readonly string[],
  places: ReadonlyMap<string, Place>,
): readonly CrossFinding[] {
  const target = file.credentials[i]?.publish[j];
  if (target === undefined) return NONE;
  const store = Object.hasOwn(file.stores, target.store) ? file.stores[target.store] : undefined;
  const path = (): Path => ["credentials", i, "publish", j];
  const wrong = checkTarget(target, store, fields, path);
  if (store === undefined) {
    return [...unknownName("store", target.store, [...path(), "store"], Object.keys(file.stores)), ...wrong];
  }
  const place = places.get(target.store);
  if (place === undefined || target.secret.includes(WRONG)) return wrong;
  const name = place.nameOf(target.secret);
  const first = place.taken.get(name);
  if (first === undefined) {
    place.taken.set(name, i * TARGETS + j);
    return wrong;
  }
  const message = `two targets publish to the secret "${target.secret}"; each needs one of its own`;
  const twice = {
    severity: "error",
    path: [...path(), "secret"],
    also: pathOf(first),
    message,
    quoted: target.secret,
  } as const;
  return [...wrong, twice];
}
