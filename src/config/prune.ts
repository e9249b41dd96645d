import type { Mistake } from "./mistakes.ts";
import type { ConfigFile } from "./schema.ts";

/** Stands for a name whose value was wrong; nothing is said about it a second time. */
export const WRONG = "\0wrong";

type Loose = Record<string, unknown>;

/**
 * What is left of a file when its mistakes of shape are taken out: of the right type everywhere, so that the meaning of the
 * rest can be checked in the same pass.
 */
export function prune(raw: unknown, mistakes: readonly Mistake[]): ConfigFile {
  const root = structuredClone(map(raw));
  for (const { path, unknownKeys, missingKey } of mistakes) {
    const parent = path.slice(0, -1).reduce<unknown>((at, step) => (at as Loose | undefined)?.[step], root);
    const last = path.at(-1);
    if (
      unknownKeys === undefined &&
      missingKey === undefined &&
      last !== undefined &&
      typeof parent === "object" &&
      parent !== null
    ) {
      (parent as Loose)[last] = undefined;
    }
  }
  return {
    ...root,
    providers: entries(root["providers"], (provider) => ({
      ...provider,
      tokenEndpoint: provider["tokenEndpoint"] ?? WRONG,
    })),
    stores: entries(root["stores"], (store) => ({ ...store, type: store["type"] ?? WRONG })),
    credentials: list(root["credentials"]).map((credential, i) => ({
      ...credential,
      id: credential["id"] ?? `${WRONG}${i}`,
      provider: credential["provider"] ?? WRONG,
      publish: list(credential["publish"]).map((target) => ({
        ...target,
        store: target["store"] ?? WRONG,
        secret: target["secret"] ?? WRONG,
      })),
    })),
  } as unknown as ConfigFile;
}

function map(value: unknown): Loose {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Loose) : {};
}

function entries(value: unknown, change: (entry: Loose) => Loose): Record<string, Loose> {
  return Object.fromEntries(Object.entries(map(value)).map(([name, entry]) => [name, change(map(entry))]));
}

function list(value: unknown): Loose[] {
  return Array.isArray(value) ? value.map(map) : [];
}
