import {
  type Credential,
  type Policy,
  type Provider,
  Secret,
  type Target,
  type Token,
} from "../../src/core/credential.ts";
import { ExchangeError } from "../../src/core/ports/exchange.ts";
import type { Begun, Finish, Journal, Minted } from "../../src/core/ports/journal.ts";
import { type Held, PublishError, type SecretVersion, type Store } from "../../src/core/ports/store.ts";
import type { Ports } from "../../src/core/ports/ports.ts";

export const START = Date.UTC(2026, 0, 1);

/** The defaults of the configuration. */
export const policy: Policy = {
  rotateAt: 0.75,
  consumerCacheMs: 300_000,
  retryBudgetMs: 300_000,
  minIntervalMs: 30_000,
  lifetimeMs: 3_600_000,
  requestTimeoutMs: 15_000,
};

export const provider: Provider = {
  name: "p",
  tokenEndpoint: "https://login.example.com/token",
  grant: "client_credentials",
  auth: { method: "client_secret_basic", encoding: "rfc6749" },
  tls: {},
  limits: { concurrency: 16 },
  params: {},
  publishFields: [],
  expiresInUnit: "s",
  responsePath: [],
};

export function target(store: string, over: Partial<Target> = {}): Target {
  return { store, secret: "app/acme", format: "json", ...over };
}

export function credential(over: Partial<Credential> = {}): Credential {
  return {
    id: "acme",
    provider: "p",
    clientId: "client",
    clientSecrets: [{ env: "SECRET" }],
    params: {},
    labels: {},
    publish: [target("one")],
    policy,
    ...over,
  };
}

/** A store in memory that keeps the contract and can fail. */
export class FakeStore implements Store {
  readonly maxBytes = 65_536;
  readonly secrets = new Map<string, Held & { payload: string }>();
  writes = 0;
  looks = 0;
  down: PublishError | undefined;
  /** Everything about one of these secrets fails. */
  readonly sick = new Map<string, PublishError>();
  /** A publish waits for it. */
  waitFor: Promise<void> | undefined;
  /** Writes fail and reads succeed. */
  refuses: PublishError | undefined;
  /** Called while the store is read. */
  during = () => undefined as void;
  /** The write happens and its answer is lost. */
  dropAnswer = false;
  async look(secret: string): Promise<Held | undefined> {
    this.looks += 1;
    this.during();
    const fault = this.down ?? this.sick.get(secret);
    if (fault) throw fault;
    return this.secrets.get(secret);
  }
  async publish(version: SecretVersion, known: { revision: number } | undefined) {
    await this.waitFor;
    const fault = this.down ?? this.sick.get(version.secret);
    if (fault) throw fault;
    if (known === undefined) await this.look(version.secret);
    const held = known === undefined ? this.secrets.get(version.secret) : undefined;
    if (held !== undefined && held.revision > version.revision) return { result: "superseded" as const, held };
    if (held?.revision === version.revision) {
      const isSame = held.payload === version.payload.reveal();
      return { result: isSame ? ("unchanged" as const) : ("superseded" as const), held };
    }
    if (this.refuses) throw this.refuses;
    const { revision, issuedAt, expiresAt } = version;
    const next = { revision, issuedAt, expiresAt, version: String(revision), older: [] };
    this.secrets.set(version.secret, { ...next, payload: version.payload.reveal() });
    this.writes += 1;
    if (this.dropAnswer) throw unavailable(true);
    return { result: "written" as const, held: next };
  }
  /** Absent where versions cost nothing. */
  declare prune?: (secret: string, versions: readonly string[], signal: AbortSignal) => Promise<void>;
  async close(): Promise<void> {}
}

export function unavailable(ambiguous = false): PublishError {
  return new PublishError("the store did not answer", {
    class: "unavailable",
    code: "ECONNREFUSED",
    ambiguous,
  });
}

/** The journal of one credential, in memory instead of Redis. */
class FakeJournal implements Journal {
  record: string | undefined;
  sealed: Uint8Array | undefined;
  request: string | undefined;
  nextAt = 0;
  publishAt: number | undefined;
  failing = "";
  entry = "";
  answer: Finish["answer"];
  sent = false;
  fenced = false;
  pausedUntil = 0;
  /** Redis does not answer. */
  away = false;
  readonly calls: string[] = [];
  async begin(): Promise<Begun> {
    this.calls.push("begin");
    if (this.fenced) return { kind: "fenced" };
    if (this.pausedUntil > 0) return { kind: "paused", until: this.pausedUntil, releaseAt: this.pausedUntil };
    const { record, request, sealed } = this;
    return { kind: "begun", record, request, sealed, leaseMs: this.leaseMs };
  }
  /** Length of a lease. */
  leaseMs = 17_000;
  async renew(): Promise<number | "unreachable"> {
    this.calls.push("renew");
    if (this.away) return "unreachable";
    return this.fenced ? 0 : this.leaseMs;
  }
  async minted(entry: Minted) {
    this.calls.push("minted");
    if (this.fenced) return "fenced" as const;
    if (this.away) return "unreachable" as const;
    this.record = entry.record;
    this.sealed = entry.sealed;
    return "kept" as const;
  }
  async finish(entry: Finish) {
    this.calls.push("finish");
    if (this.fenced) return { kind: "fenced" as const };
    if (entry.keepSealed && entry.failing === "") throw new Error("a sealed token is kept, and nothing says why");
    if (entry.record !== "") this.record = entry.record;
    if (!entry.keepSealed) this.sealed = undefined;
    if (entry.request === this.request) this.request = undefined;
    this.nextAt = Math.min(entry.nextAt, entry.publishAt ?? Infinity);
    this.publishAt = entry.publishAt;
    this.failing = entry.failing;
    this.entry = entry.entry;
    this.answer = entry.answer;
    this.sent = entry.sent;
    return { kind: "armed" as const };
  }
  async release(nextAt: number): Promise<void> {
    this.calls.push("release");
    this.nextAt = nextAt;
  }
}

/** A provider, stores, a journal and a clock that a test controls. */
export function makeWorld(options: { stores?: readonly string[]; sealKey?: boolean; lifetimeMs?: number } = {}) {
  const stores = new Map((options.stores ?? ["one"]).map((name) => [name, new FakeStore()]));
  const journal = new FakeJournal();
  const sealedTokens = new Map<string, Token>();
  const world = {
    now: START,
    journal,
    stores,
    exchanges: 0,
    lifetimeMs: options.lifetimeMs ?? 3_600_000,
    fail: undefined as ExchangeError | undefined,
    print: "print-1",
    /** Set: the provider answers with this token. */
    sameToken: undefined as string | undefined,
    /** The provider states no life. */
    assumedLife: false,
    epoch: "e1",
    draining: false,
    pausedMs: 0,
    /** What was sealed before was sealed with a key that only opens by now. */
    sealOutdated: false,
    /** Called during the exchange. */
    during: () => undefined as void,
    store: (name: string): FakeStore => stores.get(name) ?? new FakeStore(),
    ports: undefined as unknown as Ports,
  };
  world.ports = {
    now: () => world.now,
    random: () => 0.5,
    epoch: () => world.epoch,
    journal,
    stores,
    waitUntil: async () => undefined,
    deadline: () => new AbortController().signal,
    draining: () => world.draining,
    secrets: async () => ({ secrets: [new Secret("s")], places: [1], print: world.print }),
    refused: () => undefined,
    secretChanged: async (refused) => world.print !== refused,
    render: (token, facts) => new Secret(`${facts.revision}:${token.accessToken.reveal()}`),
    exchange: {
      async exchange() {
        world.exchanges += 1;
        world.during();
        if (world.fail) throw world.fail;
        const accessToken = new Secret(world.sameToken ?? `token-${world.exchanges}`);
        const life = { issuedAt: world.now, expiresAt: world.now + world.lifetimeMs };
        return {
          token: { accessToken, tokenType: "Bearer", fields: {}, ...life },
          warnings: [],
          ...(world.assumedLife && { assumedLife: true }),
        };
      },
      async close() {},
    },
    pause: async (ms) => {
      world.pausedMs = ms;
      return world.now + ms;
    },
    printToken: (accessToken) => accessToken.reveal(),
    seal: (token, revision) => {
      if (options.sealKey === false) return undefined;
      sealedTokens.set(String(revision), token);
      return Buffer.from(String(revision));
    },
    unseal: (sealed) => {
      const token = sealedTokens.get(Buffer.from(sealed).toString());
      return token && { token, outdated: world.sealOutdated };
    },
  };
  return world;
}

export function exchangeFails(over: Partial<ConstructorParameters<typeof ExchangeError>[1]> = {}): ExchangeError {
  return new ExchangeError("it failed", {
    class: "transient",
    code: "http_503",
    sent: true,
    status: 503,
    ...over,
  });
}
