import type { AttentionState } from "../../core/states.ts";
import { meaningOf } from "../../core/policy/error-classes.ts";
import type { Attention } from "../../core/snapshot.ts";
import type { Tone } from "./tone.ts";

/** How the attention list shows a state: its tone, its word, and what is said once of all that are in it. */
export const attentionStates = {
  needs_attention: {
    tone: "bad",
    word: "needs attention",
    remark: "Waiting does not help here: put right what is wrong, then rotate.",
  },
  retrying: {
    tone: "doubtful",
    word: "retrying",
    remark: "What is retried helps itself once the provider answers.",
  },
  unpublished: {
    tone: "doubtful",
    word: "not published",
    remark: "What is not published waits, sealed, until the store takes it.",
  },
} as const satisfies Record<AttentionState, { readonly tone: Tone; readonly word: string; readonly remark: string }>;

/** The codes that tell more than their class. */
const codes: Readonly<Record<string, string>> = {
  invalid_client: "Client id or secret refused",
  unauthorized_client: "Client may not use this grant",
  invalid_scope: "Scope refused: check scope",
  access_denied: "Provider denies access to this client",
  redirect_refused: "Endpoint redirects: set its final address",
  proxy: "Proxy refuses the way: check HTTPS_PROXY",
  html: "A web page came instead of a token",
  timeout: "No answer in time",
  connect_timeout: "Not reached in time",
  ENOTFOUND: "Host name of the endpoint not found",
  ECONNREFUSED: "Connection refused",
  StoreDown: "Store does not answer; waiting for it",
};

export function reasonOf(className: string, code: string): string {
  return codes[code] ?? meaningOf(className) ?? "Failed";
}

/** What to type next; ids hold no character that a shell minds. */
export function commandOf({ state, credential }: Attention): string {
  const id = credential.startsWith("-") ? `-- ${credential}` : credential;
  return state === "needs_attention" ? `evertoken rotate ${id}` : `evertoken status ${id}`;
}
