import type { Policy } from "../../core/credential.ts";
import { parseDuration } from "../../core/duration.ts";
import { parseFraction } from "../shape/fraction.ts";
import type { ConfigFile, PolicyFile } from "../shape/schema.ts";
import { presets } from "./presets.ts";

const SECOND = 1000;
const MINUTE = 60 * SECOND;

const builtIn: Policy = {
  rotateAt: 0.75,
  consumerCacheMs: 5 * MINUTE,
  retryBudgetMs: 5 * MINUTE,
  minIntervalMs: 30 * SECOND,
  lifetimeMs: 60 * MINUTE,
  requestTimeoutMs: 15 * SECOND,
};

export const POLICY_KEYS = [
  "rotateAt",
  "consumerCache",
  "retryBudget",
  "minInterval",
  "lifetime",
  "requestTimeout",
] as const satisfies readonly (keyof PolicyFile)[];

/** In ms; `otherwise` where the configuration has none. */
export function durationOr(text: string | undefined, otherwise: number): number {
  return (text === undefined ? undefined : parseDuration(text)) ?? otherwise;
}

/**
 * Makes the function that gives a credential its policy. Each key has its nearest value: of the credential, its
 * template, its provider, the defaults, the preset, and last the built-in one. A lifetime of a preset comes before one
 * of the defaults. `own`: the credential with the keys of its template.
 */
export function policyResolver(
  file: Pick<ConfigFile, "defaults" | "providers">,
  intern: (policy: Policy) => Policy,
): (provider: string, own: PolicyFile) => Policy {
  const known = new Map<string, Policy>();

  function resolve(name: string, own: PolicyFile): Policy {
    const provider = file.providers[name];
    const presetLife = provider?.preset && presets[provider.preset].lifetimeMs;
    const nearest = <K extends keyof PolicyFile>(key: K): PolicyFile[K] =>
      own[key] ??
      provider?.[key] ??
      (key === "lifetime" && presetLife !== undefined ? undefined : file.defaults?.[key]);
    const rotateAt = nearest("rotateAt");
    return intern({
      rotateAt: (rotateAt === undefined ? undefined : parseFraction(rotateAt)) ?? builtIn.rotateAt,
      consumerCacheMs: durationOr(nearest("consumerCache"), builtIn.consumerCacheMs),
      retryBudgetMs: durationOr(nearest("retryBudget"), builtIn.retryBudgetMs),
      minIntervalMs: durationOr(nearest("minInterval"), builtIn.minIntervalMs),
      lifetimeMs: durationOr(nearest("lifetime"), presetLife ?? builtIn.lifetimeMs),
      requestTimeoutMs: durationOr(nearest("requestTimeout"), builtIn.requestTimeoutMs),
    });
  }

  return (name, own) => {
    let key = name;
    for (const each of POLICY_KEYS) if (own[each] !== undefined) key += `\0${each}\0${own[each]}`;
    const policy = known.get(key) ?? resolve(name, own);
    known.set(key, policy);
    return policy;
  };
}
