import type { ExpandedFile } from "../expand/expand.ts";
import type { CrossFinding, Path } from "../problem.ts";
import { presets } from "../resolve/presets.ts";
import { WRONG } from "../shape/salvage.ts";
import { unknownName } from "../shape/unknown-name.ts";
import { checkParams } from "./provider.ts";
import { type TargetFile, checkFolders, checkSecretName, checkTemplate, secretNamesOf } from "./target.ts";

/** A target of the fleet as one number, for large maps: the index of its credential times this, plus its own index. */
const TARGETS = 2 ** 16;

function targetPath(number: number): (string | number)[] {
  return ["credentials", Math.floor(number / TARGETS), "publish", number % TARGETS];
}

function secretPath(number: number): Path {
  return [...targetPath(number), "secret"];
}

/**
 * Checks what credentials refer to, and that no two share an id or a secret. Makes paths only where something is wrong.
 */
export function checkCredentials(file: ExpandedFile): CrossFinding[] {
  const findings: CrossFinding[] = [];
  const ids = new Map<string, number>();
  const names = secretNamesOf(file.stores);
  const fieldsOf = new Map(
    Object.entries(file.providers).map(([name, { preset, publishFields }]) => {
      return [name, publishFields ?? (preset && presets[preset].publishFields) ?? []] as const;
    }),
  );

  function checkTarget(target: TargetFile, number: number, fields: readonly string[]): void {
    const store = Object.hasOwn(file.stores, target.store) ? file.stores[target.store] : undefined;
    const path = (): Path => targetPath(number);
    if (store === undefined) {
      const reference = { kind: "store", name: target.store, path: [...path(), "store"] } as const;
      findings.push(...unknownName(reference, Object.keys(file.stores)));
    }
    const wrongName = store && checkSecretName(target.secret, store.type);
    if (wrongName !== undefined) findings.push({ severity: "error", path: secretPath(number), message: wrongName });
    for (const finding of checkTemplate(target, fields, path)) findings.push(finding);
    const shared = store && names.get(target.store);
    if (shared === undefined || target.secret.includes(WRONG)) return;
    const name = shared.nameOf(target.secret);
    const first = shared.taken.get(name);
    if (first === undefined) {
      shared.taken.set(name, number);
      return;
    }
    const message = `two targets publish to the secret "${target.secret}"; each needs a secret of its own`;
    const [own, also] = [secretPath(number), secretPath(first)];
    findings.push({ severity: "error", path: own, also, message, quoted: target.secret });
  }

  for (const [i, credential] of file.credentials.entries()) {
    const id = String(credential.id);
    const first = ids.get(id);
    if (first === undefined) ids.set(id, i);
    else {
      const also: Path = ["credentials", first, "id"];
      const message = `the id "${id}" is used twice`;
      findings.push({ severity: "error", path: ["credentials", i, "id"], also, message, quoted: id });
    }
    const fields = fieldsOf.get(credential.provider);
    if (fields === undefined) {
      const path = ["credentials", i, "provider"];
      const reference = { kind: "provider", name: credential.provider, path } as const;
      findings.push(...unknownName(reference, Object.keys(file.providers)));
    }
    if (credential.params !== undefined) {
      findings.push(...checkParams(credential.params, ["credentials", i, "params"]));
    }
    let number = i * TARGETS;
    for (const target of credential.publish) checkTarget(target, number++, fields ?? []);
  }
  const conflicts = checkFolders(names).map(({ target, first, ...rest }) => ({
    ...rest,
    path: secretPath(target),
    also: secretPath(first),
  }));
  return [...findings, ...conflicts];
}
