import { CREDENTIAL_STATES, type CredentialState } from "../core/states.ts";
import type { Config } from "../config/config.ts";
import { closest } from "../config/suggest.ts";
import type { Credential, Instant } from "../core/credential.ts";
import { type CredentialView, readCredentials } from "../queue/views/credentials.ts";
import type { RedisLink } from "../queue/redis/link.ts";
import { parseSelector } from "../config/shape/selector.ts";
import { CommandError, exitCode } from "./command.ts";
import type { SelectionOptions } from "./options.ts";
import { statesOf } from "./states.ts";

/** The credentials that the command line names, checked against the configuration; their states are not read yet. */
export interface Selection {
  readonly credentials: readonly Credential[];
  readonly states: readonly CredentialState[];
  /** For people: `acme`, `provider p, state retrying`. */
  readonly description: string;
  /** Set when whole providers are selected: a pause then also holds for credentials that are added to them later. */
  readonly providers: readonly string[] | undefined;
}

/**
 * Throws CommandError (usage) for a selection that is unknown, contradictory, or matches nothing in the configuration.
 */
export function selectCredentials(config: Config, ids: readonly string[], options: SelectionOptions): Selection {
  const { provider, selector, all } = options;
  const states = parseStates(options.state);
  const filters = [provider, selector, options.state].filter((each) => each !== undefined).length;
  if (ids.length > 0 && (filters > 0 || all === true)) throw usage("give ids, or a selection, not both");
  if (all === true && filters > 0)
    throw usage("--all selects everything: leave out --provider, --selector and --state");
  if (ids.length === 0 && filters === 0 && all !== true) {
    throw usage("which credentials? Give ids, --provider NAME, -l SELECTOR, --state STATE or --all");
  }
  if (ids.length > 0)
    return { credentials: findAll(config, ids), states, description: listNames(ids), providers: undefined };
  if (all === true) {
    return { credentials: config.credentials, states, description: "all", providers: [...config.providers.keys()] };
  }
  if (provider !== undefined && !config.providers.has(provider)) {
    throw unknownName("provider", provider, config.providers.keys());
  }
  const matches = selector === undefined ? undefined : parseSelector(selector);
  if (typeof matches === "string") throw usage(`--selector: ${matches}`);
  const credentials = config.credentials.filter(
    (each) =>
      (provider === undefined || each.provider === provider) && (matches === undefined || matches.matches(each.labels)),
  );
  const description = [
    ...(provider === undefined ? [] : [`provider ${provider}`]),
    ...(selector === undefined ? [] : [selector]),
    ...(states.length === 0 ? [] : [`state ${states.join(" or ")}`]),
  ].join(", ");
  if (credentials.length === 0) throw usage(`no credential matches ${description}${labelHint(config, selector)}`);
  return {
    credentials,
    states,
    description,
    providers: provider === undefined || filters > 1 ? undefined : [provider],
  };
}

/** Reads the selected credentials from the due index, and keeps those in one of the selected states. */
export async function readSelected(redis: RedisLink, selection: Selection, now: Instant): Promise<CredentialView[]> {
  const byProvider = Map.groupBy(selection.credentials, (credential) => credential.provider);
  const views: CredentialView[] = [];
  for (const [provider, credentials] of byProvider) {
    const ids = credentials.map(({ id }) => id);
    views.push(...(await readCredentials(redis, { provider, ids }, now)));
  }
  const { states } = selection;
  if (states.length === 0) return views;
  return views.filter((view) => statesOf(view, now).some((state) => states.includes(state)));
}

/** Throws CommandError (usage) with a suggestion if the configuration has no such credential. */
export function findCredential(config: Config, id: string): Credential {
  const [credential] = findAll(config, [id]);
  if (credential === undefined) throw usage("which credential?");
  return credential;
}

function findAll(config: Config, ids: readonly string[]): Credential[] {
  const known = new Map(config.credentials.map((credential) => [credential.id, credential]));
  return [...new Set(ids)].map((id) => {
    const credential = known.get(id);
    if (credential === undefined) throw unknownName("credential", id, known.keys());
    return credential;
  });
}

function parseStates(text: string | undefined): CredentialState[] {
  if (text === undefined) return [];
  return text.split(",").map((each) => {
    const word = each.trim();
    const state = CREDENTIAL_STATES.find((known) => known === word);
    if (state === undefined) {
      const meant = closest(word, CREDENTIAL_STATES);
      throw usage(`--state: unknown state "${word}"; known states are ${CREDENTIAL_STATES.join(", ")}${hint(meant)}`);
    }
    return state;
  });
}

/** A label that no credential has is most likely misspelt. */
function labelHint(config: Config, selector: string | undefined): string {
  if (selector === undefined) return "";
  const keys = new Set(config.credentials.flatMap(({ labels }) => Object.keys(labels)));
  if (keys.size === 0) return "; no credential has labels";
  const words = selector.match(/[\w./-]+/g) ?? [];
  const meant = words
    .map((word) => (keys.has(word) ? undefined : closest(word, keys)))
    .find((each) => each !== undefined);
  return `; labels are ${listNames([...keys].toSorted())}${hint(meant)}`;
}

function unknownName(what: string, name: string, known: Iterable<string>): CommandError {
  return usage(`no ${what} "${name}" in the configuration${hint(closest(name, known))}`);
}

function hint(meant: string | undefined): string {
  return meant === undefined ? "" : ` (did you mean "${meant}"?)`;
}

/** At most five names: nobody reads more. */
export function listNames(names: readonly string[]): string {
  const more = names.length - 5;
  return more > 0 ? `${names.slice(0, 5).join(", ")} and ${more} more` : names.join(", ");
}

function usage(message: string): CommandError {
  return new CommandError(message, exitCode.usage);
}
