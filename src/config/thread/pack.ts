import type { Credential, Labels, Params, Policy, SecretRef, Target } from "../../core/credential.ts";

/**
 * Packs credentials as text for another thread. JSON.parse takes half the time of a structured clone, and a value that
 * many credentials share travels once. A chunk holds the shared values that are new since the chunk before.
 */
interface Chunk {
  readonly names: readonly string[];
  readonly policies: readonly Policy[];
  readonly labels: readonly Labels[];
  readonly params: readonly Params[];
  readonly secrets: readonly (readonly SecretRef[])[];
  readonly rows: readonly Row[];
}

/** Numbers are indices into the values of all chunks so far. A scope of 0 and a token endpoint of -1 stand for none. */
type Row = readonly [
  id: string,
  provider: number,
  clientId: string,
  clientSecrets: number | readonly SecretRef[],
  params: number,
  labels: number,
  publish: readonly (readonly [store: number, secret: string, format: Target["format"], template?: string])[],
  policy: number,
  scope: string | 0,
  tokenEndpoint: number,
];

/** Gives each distinct value a number. `take` gives the values that are new since the call before. */
function makeTable<T>(): { indexOf(value: T): number; take(): readonly T[] } {
  const known = new Map<T, number>();
  let added: T[] = [];
  return {
    indexOf(value) {
      const found = known.get(value);
      if (found !== undefined) return found;
      known.set(value, known.size);
      added.push(value);
      return known.size - 1;
    },
    take() {
      const taken = added;
      added = [];
      return taken;
    },
  };
}

/** How many references to client secrets are remembered. */
const MAX_SECRETS = 1000;

/**
 * Numbers for references to client secrets that credentials share, as all credentials of one client do. In most fleets
 * each credential has its own: the table takes the first thousand, and is not searched again where those are all
 * different.
 */
function makeSecretTable(): {
  indexOf(refs: readonly SecretRef[]): number | undefined;
  take(): readonly (readonly SecretRef[])[];
} {
  const numbers = new Map<string, number>();
  const table = makeTable<readonly SecretRef[]>();
  let shared = false;
  return {
    indexOf(refs) {
      const isFull = numbers.size >= MAX_SECRETS;
      if (isFull && !shared) return undefined;
      const key = JSON.stringify(refs);
      const known = numbers.get(key);
      if (known !== undefined) {
        shared = true;
        return known;
      }
      if (isFull) return undefined;
      const index = table.indexOf(refs);
      numbers.set(key, index);
      return index;
    },
    take: table.take,
  };
}

/** Gives one chunk for each call. */
export function makePacker(): (credentials: readonly Credential[]) => string {
  const names = makeTable<string>();
  const policies = makeTable<Policy>();
  const labels = makeTable<Labels>();
  const params = makeTable<Params>();
  const secrets = makeSecretTable();
  return (credentials) => {
    const rows = credentials.map((each): Row => [
      each.id,
      names.indexOf(each.provider),
      each.clientId,
      secrets.indexOf(each.clientSecrets) ?? each.clientSecrets,
      params.indexOf(each.params),
      labels.indexOf(each.labels),
      each.publish.map(({ store, secret, format, template }) =>
        template === undefined
          ? [names.indexOf(store), secret, format]
          : [names.indexOf(store), secret, format, template],
      ),
      policies.indexOf(each.policy),
      each.scope ?? 0,
      each.tokenEndpoint === undefined ? -1 : names.indexOf(each.tokenEndpoint),
    ]);
    const chunk: Chunk = {
      names: names.take(),
      policies: policies.take(),
      labels: labels.take(),
      params: params.take(),
      secrets: secrets.take(),
      rows,
    };
    return JSON.stringify(chunk);
  };
}

/** Takes the chunks of one packer, in their order. */
export function makeUnpacker(): (text: string) => readonly Credential[] {
  const names: string[] = [];
  const policies: Policy[] = [];
  const labels: Labels[] = [];
  const params: Params[] = [];
  const secrets: (readonly SecretRef[])[] = [];
  const get = <T>(table: readonly T[], index: number): T => {
    const found = table[index];
    if (found === undefined) throw new RangeError("a chunk is missing");
    return found;
  };

  function target([store, secret, format, template]: Row[6][number]): Target {
    const name = get(names, store);
    return Object.freeze(
      template === undefined ? { store: name, secret, format } : { store: name, secret, format, template },
    );
  }

  return (text) => {
    const chunk = JSON.parse(text) as Chunk;
    names.push(...chunk.names);
    for (const each of chunk.policies) policies.push(Object.freeze(each));
    for (const each of chunk.labels) labels.push(Object.freeze(each));
    for (const each of chunk.params) {
      for (const value of Object.values(each)) Object.freeze(value);
      params.push(Object.freeze(each));
    }
    for (const each of chunk.secrets) secrets.push(frozen(each));
    return chunk.rows.map(([id, provider, clientId, refs, paramsAt, labelsAt, publish, policyAt, scope, endpoint]) => {
      return Object.freeze({
        id,
        provider: get(names, provider),
        clientId,
        clientSecrets: typeof refs === "number" ? get(secrets, refs) : frozen(refs),
        params: get(params, paramsAt),
        labels: get(labels, labelsAt),
        publish: Object.freeze(publish.map(target)),
        policy: get(policies, policyAt),
        ...(scope !== 0 && { scope }),
        ...(endpoint !== -1 && { tokenEndpoint: get(names, endpoint) }),
      });
    });
  };
}

function frozen(refs: readonly SecretRef[]): readonly SecretRef[] {
  for (const ref of refs) Object.freeze(ref);
  return Object.freeze(refs);
}
