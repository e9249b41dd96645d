/**
 * The states of a credential, by rank: a credential may be in several at once, and is shown in the first that holds.
 * `src/README.md` draws how a credential moves between them.
 *
 * `counted` names the `state` under which the gauge `evertoken_credentials` counts the credential. A state with a gauge
 * of its own (`unscheduled`, `expired`) is counted there, and the credential also under the next state that holds.
 */
export const credentialStates = {
  /** Configured, and not registered in the due index. */
  unscheduled: { counted: undefined },
  /** Only a person can help: a refused client, a revoked grant, an unreadable secret. */
  needs_attention: { counted: "needs_attention" },
  /** An operator has paused the credential or its provider. */
  paused: { counted: "paused" },
  /** The newest token is sealed and waits for a store. */
  unpublished: { counted: "retrying" },
  /** The last exchange failed; evertoken retries it. */
  retrying: { counted: "retrying" },
  /** A consumer holds a dead token. */
  expired: { counted: undefined },
  /** Claimed: a worker rotates it. */
  refreshing: { counted: "refreshing" },
  /** Due, and not claimed yet. */
  due: { counted: "due" },
  /** There has never been a token. */
  pending: { counted: "pending" },
  /** A live token is in every target, and nothing is due. */
  healthy: { counted: "healthy" },
} as const;

export type CredentialState = keyof typeof credentialStates;

/** The states by which the fleet is counted: every credential is in exactly one of them. */
export type CountedState = NonNullable<(typeof credentialStates)[CredentialState]["counted"]>;

/** In the order of the states: a credential that is in several of them is counted in the first. */
export const COUNTED_STATES: readonly CountedState[] = [
  ...new Set(Object.values(credentialStates).flatMap(({ counted }) => counted ?? [])),
];

export const CREDENTIAL_STATES = Object.keys(credentialStates) as readonly CredentialState[];

/** The states that an entry of the attention list may have. */
export type AttentionState = Extract<CredentialState, "retrying" | "needs_attention" | "unpublished">;
