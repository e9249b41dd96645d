import { type Credential, type Provider, Secret, type Target } from "../../../src/core/credential.ts";
import { type Exchange, ExchangeError } from "../../../src/core/ports/exchange.ts";
import { PublishError, type Store } from "../../../src/core/ports/store.ts";
import { type Found, makeStore } from "../../../src/publish/protocol.ts";
import { onAbort } from "../../../src/core/wait.ts";
import type { Draw } from "./draw.ts";
import type { Actor, Time } from "./time.ts";
import type { Watch } from "./watch.ts";

/** A token as its provider knows it. */
export interface Minted {
  readonly text: string;
  readonly credential: string;
  readonly at: number;
  /** True time. */
  readonly diesAt: number;
  /** Counts all tokens of the credential. */
  readonly nth: number;
}

export interface Version {
  readonly id: string;
  readonly payload: string;
  readonly revision: number;
  readonly issuedAt: number;
  readonly expiresAt: number;
  /** Undefined: somebody else's. */
  readonly token: Minted | undefined;
  destroyed: boolean;
}

/** What is wrong now. A key names what is sick: `account ID`, `host PROVIDER`, `store NAME`, `secret STORE/NAME`. */
export type Ailment =
  | { readonly kind: "refuses"; readonly code: string }
  | { readonly kind: "fails" }
  | { readonly kind: "slow"; readonly least: number; readonly most: number }
  | { readonly kind: "hangs" }
  | { readonly kind: "throttles"; readonly forMs: number }
  | { readonly kind: "short"; readonly lifeMs: number }
  | { readonly kind: "counts down" }
  | { readonly kind: "loses answers" }
  | { readonly kind: "refuses writes"; readonly denied: boolean };

export interface World {
  readonly time: Time;
  readonly draw: Draw;
  readonly watch: Watch;
  readonly ailments: Map<string, Ailment>;
  /** Newest last; by `store/secret`. */
  readonly secrets: Map<string, Version[]>;
  /** Newest last; by credential. */
  readonly tokens: Map<string, Minted[]>;
  readonly lifeMs: (credential: string) => number;
  readonly byText: Map<string, Minted>;
}

/** Deadline of one call to a store; a request that takes longer is not there any more once its sender is dead. */
const CALL_MS = 10_000;

interface Request<T> {
  readonly actor: Actor;
  readonly what: string;
  readonly signal: AbortSignal;
  /** What the other end does; its answer. */
  effect(): T;
  /** After the deadline. `arrived`: the effect has taken place. */
  late(arrived: boolean): Error;
  readonly delayMs: number;
  readonly replyMs: number;
}

/** One request to a party outside. Its effect takes place once, or never where the deadline or a crash comes first. */
function request<T>({ time, draw }: World, { actor, what, signal, ...of }: Request<T>): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  let ended = false;
  let arrived = false;
  onAbort(signal, () => {
    if (!ended) reject(of.late(arrived));
    ended = true;
  });
  time.at(time.now() + of.delayMs, {
    what: `${actor.name} ${what}`,
    run() {
      if (ended || (!actor.alive && (of.delayMs > CALL_MS || draw.chance(0.5)))) return;
      arrived = true;
      let answer: () => void;
      try {
        const value = of.effect();
        answer = () => resolve(value);
      } catch (error) {
        answer = () => reject(error);
      }
      time.at(time.now() + of.replyMs, {
        actor,
        ...(of.replyMs > 1 && { what: `answer to ${what}` }),
        run() {
          if (!ended) answer();
          ended = true;
        },
      });
    },
  });
  return promise;
}

/** The first ailment of the keys, in their order. */
function ailing({ ailments }: World, keys: readonly string[], ...kinds: readonly Ailment["kind"][]) {
  return keys.map((key) => ailments.get(key)).find((found) => found !== undefined && kinds.includes(found.kind));
}

function delayOf(world: World, keys: readonly string[], least: number, most: number): number {
  const ill = ailing(world, keys, "slow", "hangs");
  if (ill?.kind === "hangs") return 3_600_000;
  return ill?.kind === "slow" ? world.draw.between(ill.least, ill.most) : world.draw.between(least, most);
}

export function exchangeOf(world: World, actor: Actor, provider: Provider, clock: () => number): Exchange {
  const { time, watch, tokens, byText, draw } = world;
  function mint(credential: Credential, lifeMs: number): Minted {
    const all = tokens.get(credential.id) ?? [];
    const nth = (all.at(-1)?.nth ?? 0) + 1;
    const minted = {
      text: `${credential.id}#${nth}`,
      credential: credential.id,
      at: time.now(),
      diesAt: time.now() + lifeMs,
      nth,
    };
    tokens.set(credential.id, [...all.slice(-20), minted]);
    byText.set(minted.text, minted);
    return minted;
  }

  return {
    async exchange(credential, _secrets, signal) {
      const issuedAt = clock();
      const keys = [`account ${credential.id}`, `host ${provider.name}`];
      return request(world, {
        actor,
        what: `exchange ${credential.id}`,
        signal,
        delayMs: delayOf(world, keys, 5, 120),
        replyMs: ailing(world, keys, "loses answers") === undefined ? draw.between(1, 60) : 3_600_000,
        late(arrived) {
          if (arrived) watch.lost(credential.id);
          return new ExchangeError("no answer", { class: "unknown_outcome", code: "timeout", sent: true });
        },
        effect() {
          const ill = ailing(world, keys, "refuses", "fails", "throttles", "short", "counts down");
          if (ill?.kind === "refuses" || ill?.kind === "fails" || ill?.kind === "throttles") {
            throw refusalOf(ill);
          }
          const before = tokens.get(credential.id)?.at(-1);
          const counted = ill?.kind === "counts down" && before !== undefined && before.diesAt - time.now() >= 1000;
          const lifeMs = ill?.kind === "short" ? ill.lifeMs : world.lifeMs(credential.id);
          const minted = counted ? before : mint(credential, lifeMs);
          watch.minted(credential, minted, { again: counted });
          const expiresAt = issuedAt + Math.floor((minted.diesAt - time.now()) / 1000) * 1000;
          const accessToken = new Secret(minted.text);
          return { token: { accessToken, tokenType: "Bearer", issuedAt, expiresAt, fields: {} }, warnings: [] };
        },
      });
    },
    async close() {},
  };
}

function refusalOf(ill: Ailment & { kind: "refuses" | "fails" | "throttles" }): ExchangeError {
  switch (ill.kind) {
    case "refuses":
      return new ExchangeError("refused", { class: "config", code: ill.code, status: 401, sent: true });
    case "fails":
      return new ExchangeError("unwell", { class: "transient", code: "http_503", status: 503, sent: true });
    case "throttles":
      return new ExchangeError("too many", {
        ...{ class: "throttled", code: "http_429", status: 429 },
        retryAfterMs: ill.forMs,
        sent: true,
      });
  }
}

/** A store in memory under the real protocol. `bills`: it remembers versions, as GCP does. */
export function storeOf(world: World, actor: Actor, name: string, bills: boolean): Store {
  const { watch, secrets, draw } = world;

  function call<T>(what: string, secret: string, options: { signal: AbortSignal; writes: boolean; effect: () => T }) {
    const keys = [`secret ${name}/${secret}`, `store ${name}`];
    const deadline = AbortSignal.any([options.signal, AbortSignal.timeout(CALL_MS)]);
    const loses = ailing(world, keys, "loses answers") !== undefined && options.writes;
    return request(world, {
      actor,
      what: `${what} ${name}/${secret}`,
      signal: deadline,
      delayMs: delayOf(world, keys, 2, 40),
      replyMs: loses ? 3_600_000 : draw.between(0, 20),
      late: () => new PublishError("no answer", { class: "unavailable", code: "timeout", ambiguous: options.writes }),
      effect() {
        const ill = ailing(world, keys, "fails", "refuses writes");
        if (ill?.kind === "fails") throw new PublishError("unwell", { class: "unavailable", code: "http_500" });
        if (ill?.kind === "refuses writes" && options.writes) {
          const facts = ill.denied ? ({ class: "auth", code: "Denied" } as const) : { class: "quota", code: "Full" };
          throw new PublishError("refused", facts as ConstructorParameters<typeof PublishError>[1]);
        }
        return options.effect();
      },
    });
  }

  const versionsOf = (secret: string): Version[] => secrets.get(`${name}/${secret}`) ?? [];

  return makeStore({
    title: name,
    maxBytes: 65_536,
    look: (secret, signal) =>
      call("look", secret, {
        signal,
        writes: false,
        effect(): Found | undefined {
          const all = versionsOf(secret).filter(({ destroyed }) => !destroyed);
          const newest = all.at(-1);
          if (newest === undefined) return undefined;
          const { revision, issuedAt, expiresAt, id, payload } = newest;
          const older = bills
            ? all
                .slice(0, -1)
                .filter((each) => each.token !== undefined)
                .map((each) => [each.id, each.expiresAt] as const)
            : [];
          return { held: { revision, issuedAt, expiresAt, version: id, older }, content: Buffer.from(payload) };
        },
      }),
    isSame: (version, { content }) => content?.toString() === version.payload.reveal(),
    write: (version, _newest, signal) =>
      call(`write r${version.revision}`, version.secret, {
        signal,
        writes: true,
        effect() {
          const key = `${name}/${version.secret}`;
          const all = versionsOf(version.secret);
          const id = String(all.length + 1);
          const { revision, issuedAt, expiresAt } = version;
          const payload = version.payload.reveal();
          const token = world.byText.get((JSON.parse(payload) as { access_token: string }).access_token);
          const written = { id, payload, revision, issuedAt, expiresAt, token, destroyed: false };
          watch.writing(key, all.at(-1), written);
          secrets.set(key, [...all, written]);
          return id;
        },
      }),
    ...(bills && {
      prune: (secret: string, versions: readonly string[], signal: AbortSignal) =>
        call(`prune ${versions.join(",")}`, secret, {
          signal,
          writes: true,
          effect() {
            for (const version of versionsOf(secret)) {
              if (!versions.includes(version.id)) continue;
              watch.destroying(`${name}/${secret}`, version, version === versionsOf(secret).at(-1));
              version.destroyed = true;
            }
          },
        }),
    }),
    async close() {},
  });
}

export function placeOf({ store, secret }: Target): string {
  return `${store}/${secret}`;
}
