import type { ExchangeErrorClass } from "../ports/exchange.ts";
import type { PublishErrorClass } from "../ports/store.ts";

/** What a class of exchange errors means. */
interface ExchangeErrorFacts {
  /**
   * Whose fault it is.
   * - `endpoint`: the provider or the way to it. All of its accounts are concerned.
   * - `request`: what this credential sends. One refusal says nothing about the endpoint.
   * - `here`: nothing was sent.
   */
  readonly fault: "endpoint" | "request" | "here";
  /** What cures the failure: waiting, or a person who changes something. */
  readonly cure: "time" | "person";
  /** How far apart the retries are (see retry.ts). */
  readonly ladder: "backoff" | "slow_backoff" | "as_asked" | "steps";
  /** One line for people. */
  readonly meaning: string;
}

/** Every class of exchange errors: a new class does not compile until all of this is said about it. */
export const exchangeErrorClasses = {
  transient: {
    fault: "endpoint",
    cure: "time",
    ladder: "backoff",
    meaning: "Provider unwell or not reached",
  },
  tls: {
    fault: "endpoint",
    cure: "time",
    ladder: "slow_backoff",
    meaning: "Certificate not accepted: check tls.caFile",
  },
  throttled: {
    fault: "request",
    cure: "time",
    ladder: "as_asked",
    meaning: "Asked to wait (rate limit)",
  },
  unknown_outcome: {
    fault: "endpoint",
    cure: "time",
    ladder: "backoff",
    meaning: "No whole answer came back",
  },
  config: {
    fault: "request",
    cure: "person",
    ladder: "steps",
    meaning: "Provider refuses the request as configured",
  },
  revoked: {
    fault: "request",
    cure: "person",
    ladder: "steps",
    meaning: "Access was withdrawn: grant it again",
  },
  protocol: {
    fault: "request",
    cure: "person",
    ladder: "steps",
    meaning: "Answer is not OAuth: check tokenEndpoint",
  },
  secret: {
    fault: "here",
    cure: "person",
    ladder: "backoff",
    meaning: "Client secret cannot be read",
  },
} as const satisfies Record<ExchangeErrorClass, ExchangeErrorFacts>;

/** Every class of publish errors, in one line for people. */
export const publishErrorClasses = {
  throttled: { meaning: "Asked to wait (rate limit)" },
  unavailable: { meaning: "Store does not answer" },
  quota: { meaning: "A quota of the store is used up" },
  auth: { meaning: "Store denies access: check identity and rights" },
  not_found: { meaning: "Secret does not exist: make it, or set create" },
  conflict: { meaning: "Somebody else writes this secret" },
  state: { meaning: "Secret is disabled or being deleted" },
  permanent: { meaning: "Store refuses this write" },
} as const satisfies Record<PublishErrorClass, { readonly meaning: string }>;

/**
 * Whether only a person can cure the failure. Takes any text: records and entries of another release may hold classes
 * that this one lacks.
 */
export function needsPerson(className: string): boolean {
  return factsOf(className)?.cure === "person";
}

/** Whether the endpoint failed, or the way to it. */
export function isEndpointFault(className: string): boolean {
  return factsOf(className)?.fault === "endpoint";
}

/** What the class means, in one line; undefined for a class that only another release has. */
export function meaningOf(className: string): string | undefined {
  const publish: Readonly<Record<string, { readonly meaning: string }>> = publishErrorClasses;
  return factsOf(className)?.meaning ?? (Object.hasOwn(publish, className) ? publish[className]?.meaning : undefined);
}

function factsOf(className: string): ExchangeErrorFacts | undefined {
  const exchange: Readonly<Record<string, ExchangeErrorFacts>> = exchangeErrorClasses;
  return Object.hasOwn(exchange, className) ? exchange[className] : undefined;
}
