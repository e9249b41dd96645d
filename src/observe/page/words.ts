import type { AttentionState } from "../../core/states.ts";
import { meaningOf } from "../../core/policy/error-classes.ts";
import type { Attention } from "../../core/snapshot.ts";
import type { Tone } from "./tone.ts";

/** How the attention list shows a state: its tone, its word, and what is said once of all that are in it. */
export const attentionStates = {
  needs_attention: {
    tone: "bad",
    word: "needs attention",
    remark: "What needs attention is not cured by waiting: correct it, then rotate.",
  },
  retrying: {
    tone: "doubtful",
    word: "retrying",
    remark: "What is retried recovers once the provider answers.",
  },
  unpublished: {
    tone: "doubtful",
    word: "not published",
    remark: "What is not published waits, sealed, until the store takes it.",
  },
} as const satisfies Record<AttentionState, { readonly tone: Tone; readonly word: string; readonly remark: string }>;

/** Codes that say more than their class. */
const codes: Readonly<Record<string, string>> = {
  invalid_client: "Client id or secret refused",
  unauthorized_client: "Client may not use this grant",
  invalid_scope: "Scope refused: check scope",
  access_denied: "Provider denies access to this client",
  redirect_refused: "Endpoint redirects: set its final address",
  proxy: "Proxy refuses the connection: check HTTPS_PROXY",
  html: "A web page came instead of a token",
  timeout: "No answer in time",
  connect_timeout: "No connection in time",
  ENOTFOUND: "Host name of the endpoint not found",
  ECONNREFUSED: "Connection refused",
  StoreDown: "Store takes nothing now; waiting for it",
};

export function reasonOf(className: string, code: string): string {
  return codes[code] ?? meaningOf(className) ?? "Failed";
}

/** The command to type next. Ids hold no character that a shell interprets. */
export function commandOf({ state, credential }: Attention): string {
  const id = credential.startsWith("-") ? `-- ${credential}` : credential;
  return state === "needs_attention" ? `evertoken rotate ${id}` : `evertoken status ${id}`;
}
