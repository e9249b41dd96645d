import { CREDENTIAL_STATES, type CredentialState } from "../core/states.ts";
import type { Config } from "../config/config.ts";
import { closest } from "../config/suggest.ts";
import type { Credential } from "../core/credential.ts";
import { type CredentialView, lookAt } from "../queue/views/credentials.ts";
import type { RedisLink } from "../queue/redis/link.ts";
import { parseSelector } from "../config/shape/selector.ts";
import { CommandError, exitCode } from "./command.ts";
import type { SelectionOptions } from "./options.ts";
import { statesOf } from "./states.ts";

/** What the command line asks for, checked against the configuration; the states are still to be looked at. */
export interface Selection {
  readonly credentials: readonly Credential[];
  readonly states: readonly CredentialState[];
  /** `acme`, `provider p, state retrying`: for people. */
  readonly said: string;
  /** Whole providers and nothing else: pausing them pauses what is added to them, too. */
  readonly providers: readonly string[] | undefined;
}

/** Throws CommandError (usage) for what is unknown, contradictory, or matches nothing in the configuration. */
export function select(config: Config, ids: readonly string[], options: SelectionOptions): Selection {
  const { provider, selector, all } = options;
  const states = statesIn(options.state);
  const filters = [provider, selector, options.state].filter((each) => each !== undefined).length;
  if (ids.length > 0 && (filters > 0 || all === true)) throw usage("give ids, or a selection, not both");
  if (all === true && filters > 0) throw usage("--all is everything: leave out --provider, --selector and --state");
  if (ids.length === 0 && filters === 0 && all !== true) {
    throw usage("which credentials? Give ids, --provider NAME, -l SELECTOR, --state STATE or --all");
  }
  if (ids.length > 0) return { credentials: byId(config, ids), states, said: list(ids), providers: undefined };
  if (all === true) {
    return { credentials: config.credentials, states, said: "all", providers: [...config.providers.keys()] };
  }
  if (provider !== undefined && !config.providers.has(provider)) {
    throw unknown("provider", provider, config.providers.keys());
  }
  const matches = selector === undefined ? undefined : parseSelector(selector);
  if (typeof matches === "string") throw usage(`--selector: ${matches}`);
  const credentials = config.credentials.filter(
    (each) =>
      (provider === undefined || each.provider === provider) && (matches === undefined || matches.matches(each.labels)),
  );
  const said = [
    ...(provider === undefined ? [] : [`provider ${provider}`]),
    ...(selector === undefined ? [] : [selector]),
    ...(states.length === 0 ? [] : [`state ${states.join(" or ")}`]),
  ].join(", ");
  if (credentials.length === 0) throw usage(`no credential matches ${said}${labelHint(config, selector)}`);
  return { credentials, states, said, providers: provider === undefined || filters > 1 ? undefined : [provider] };
}

/** Looks at what was selected, and leaves those in the states that were asked for. */
export async function look(redis: RedisLink, selection: Selection, now: number): Promise<CredentialView[]> {
  const byProvider = Map.groupBy(selection.credentials, (credential) => credential.provider);
  const looks: CredentialView[] = [];
  for (const [provider, credentials] of byProvider) {
    looks.push(
      ...(await lookAt(
        redis,
        provider,
        credentials.map(({ id }) => id),
        now,
      )),
    );
  }
  const { states } = selection;
  if (states.length === 0) return looks;
  return looks.filter((each) => statesOf(each, now).some((state) => states.includes(state)));
}

export function find(config: Config, id: string): Credential {
  const [credential] = byId(config, [id]);
  if (credential === undefined) throw usage("which credential?");
  return credential;
}

function byId(config: Config, ids: readonly string[]): Credential[] {
  const known = new Map(config.credentials.map((credential) => [credential.id, credential]));
  return [...new Set(ids)].map((id) => {
    const credential = known.get(id);
    if (credential === undefined) throw unknown("credential", id, known.keys());
    return credential;
  });
}

function statesIn(text: string | undefined): CredentialState[] {
  if (text === undefined) return [];
  return text.split(",").map((each) => {
    const word = each.trim();
    const state = CREDENTIAL_STATES.find((known) => known === word);
    if (state === undefined) {
      const meant = closest(word, CREDENTIAL_STATES);
      throw usage(`--state: unknown state "${word}"; one of ${CREDENTIAL_STATES.join(", ")} is expected${hint(meant)}`);
    }
    return state;
  });
}

/** A label that nobody has is a slip more often than not. */
function labelHint(config: Config, selector: string | undefined): string {
  if (selector === undefined) return "";
  const keys = new Set(config.credentials.flatMap(({ labels }) => Object.keys(labels)));
  if (keys.size === 0) return "; no credential has labels";
  const words = selector.match(/[\w./-]+/g) ?? [];
  const meant = words
    .map((word) => (keys.has(word) ? undefined : closest(word, keys)))
    .find((each) => each !== undefined);
  return `; labels are ${list([...keys].toSorted())}${hint(meant)}`;
}

function unknown(what: string, name: string, known: Iterable<string>): CommandError {
  return usage(`no ${what} "${name}" in the configuration${hint(closest(name, known))}`);
}

function hint(meant: string | undefined): string {
  return meant === undefined ? "" : ` (did you mean "${meant}"?)`;
}

/** Not more than people read. */
export function list(names: readonly string[]): string {
  const more = names.length - 5;
  return more > 0 ? `${names.slice(0, 5).join(", ")} and ${more} more` : names.join(", ");
}

function usage(message: string): CommandError {
  return new CommandError(message, exitCode.usage);
}
