import type { Labels, Params, Policy } from "../../core/credential.ts";

/**
 * Gives equal values of a fleet one frozen object: 100,000 credentials have a handful of policies and of label sets.
 */
export interface Interner {
  policy(policy: Policy): Policy;
  labels(labels: Readonly<Record<string, string | number>> | undefined): Labels;
  params(params: Params | undefined): Params;
}

const NO_PARAMS: Params = Object.freeze({});
const NO_LABELS: Labels = Object.freeze({});
/** How many are remembered: many credentials have parameters that no other one has. */
const MAX_PARAMS = 1000;

export function makeInterner(): Interner {
  const policies = new Map<string, Policy>();
  const labelSets = new Map<string, Labels>();
  const paramSets = new Map<string, Params>();
  return {
    policy: (policy) => once(policies, Object.values(policy).join(" "), () => policy),
    labels(labels) {
      let key = "";
      for (const name in labels) key += `${name}\0${labels[name]}\0`;
      if (labels === undefined || key === "") return NO_LABELS;
      return once(labelSets, key, () =>
        Object.fromEntries(Object.entries(labels).map(([name, value]) => [name, String(value)])),
      );
    },
    params(params) {
      if (params === undefined || Object.keys(params).length === 0) return NO_PARAMS;
      if (paramSets.size > MAX_PARAMS) return freezeParams(params);
      return once(paramSets, JSON.stringify(params), () => freezeParams(params));
    },
  };
}

function freezeParams(params: Params): Params {
  for (const value of Object.values(params)) Object.freeze(value);
  return Object.freeze(params);
}

function once<T>(known: Map<string, T>, key: string, make: () => T): T {
  const found = known.get(key);
  if (found !== undefined) return found;
  const made = Object.freeze(make());
  known.set(key, made);
  return made;
}
