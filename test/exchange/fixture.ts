import { type Credential, type Provider, Secret } from "../../src/core/credential.ts";
import { type Exchange, ExchangeError, type Exchanged } from "../../src/core/ports/exchange.ts";
import { makeExchange } from "../../src/exchange/make-exchange.ts";
import type { AskAgain } from "../../src/exchange/transport.ts";

function providerAt(tokenEndpoint: string, own: Partial<Provider> = {}): Provider {
  return {
    name: "example",
    tokenEndpoint,
    grant: "client_credentials",
    auth: { method: "client_secret_basic", encoding: "rfc6749" },
    tls: {},
    limits: { concurrency: 4 },
    params: {},
    publishFields: [],
    expiresInUnit: "s",
    responsePath: [],
    ...own,
  };
}

function credentialOf(own: Partial<Credential> = {}): Credential {
  return {
    id: "acme",
    provider: "example",
    clientId: "s6BhdRkqt3",
    clientSecrets: [{ env: "SECRET" }],
    params: {},
    labels: {},
    publish: [{ store: "local", secret: "acme", format: "json" }],
    policy: {
      rotateAt: 0.75,
      consumerCacheMs: 0,
      retryBudgetMs: 0,
      minIntervalMs: 0,
      lifetimeMs: 1_800_000,
      requestTimeoutMs: 15_000,
    },
    ...own,
  };
}

export interface Trial {
  readonly provider?: Partial<Provider>;
  readonly credential?: Partial<Credential>;
  readonly secrets?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly now?: () => number;
  readonly again?: AskAgain;
}

/** The exchange of one provider with everything that a test does not care about filled in. */
export interface Subject extends AsyncDisposable {
  exchange(signal?: AbortSignal, secrets?: readonly string[]): Promise<Exchanged>;
  /** The error that the exchange throws; fails when it throws none, or another kind. */
  failure(signal?: AbortSignal, secrets?: readonly string[]): Promise<ExchangeError>;
  readonly self: Exchange;
}

export function subject(tokenEndpoint: string, trial: Trial = {}): Subject {
  const self = makeExchange(providerAt(tokenEndpoint, trial.provider), {
    now: trial.now ?? Date.now,
    env: trial.env ?? {},
    ...(trial.again && { again: trial.again }),
  });
  const credential = credentialOf(trial.credential);
  const exchange: Subject["exchange"] = async (
    signal = AbortSignal.timeout(10_000),
    secrets = trial.secrets ?? ["gX1fBat3bV"],
  ) =>
    self.exchange(
      credential,
      secrets.map((value) => new Secret(value)),
      signal,
    );
  return {
    self,
    exchange,
    async failure(signal, secrets) {
      try {
        await exchange(signal, secrets);
      } catch (error) {
        if (error instanceof ExchangeError) return error;
        throw error;
      }
      throw new Error("the exchange succeeded");
    },
    [Symbol.asyncDispose]: async () => self.close(),
  };
}
