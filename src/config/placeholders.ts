import type { Labels } from "../credential.ts";

/** What a credential is known by; the placeholders in its values stand for it. */
export interface Facts {
  readonly id: string;
  readonly provider: string;
  readonly labels: Labels;
}

/** A placeholder that stands for nothing: an unknown one, or a label that the credential does not have. */
export interface Unfilled {
  readonly placeholder: string;
  /** Set when the placeholder is right and the label is missing. */
  readonly label?: string;
}

export const KNOWN_PLACEHOLDERS = "{id}, {provider} and {label:NAME}";

/** `{{x}}` first: it stands for the text `{x}` itself. Other braces, as in JSON, are none of ours. */
const PLACEHOLDER = /\{\{([A-Za-z_]\w*(?::[^{}]*)?)\}\}|\{([A-Za-z_]\w*)(?::([^{}]*))?\}/g;

/** Replaces `{id}`, `{provider}` and `{label:NAME}`; `onUnfilled` hears of every other `{word}`. */
export function fill(text: string, facts: Facts, onUnfilled: (found: Unfilled) => void): string {
  if (!text.includes("{")) return text;
  return text.replaceAll(PLACEHOLDER, (whole, literal?: string, word?: string, name?: string) => {
    if (literal !== undefined) return `{${literal}}`;
    if (name === undefined && (word === "id" || word === "provider")) return facts[word];
    if (name === undefined || word !== "label") {
      onUnfilled({ placeholder: whole });
      return whole;
    }
    if (Object.hasOwn(facts.labels, name)) return facts.labels[name] ?? "";
    onUnfilled({ placeholder: whole, label: name });
    return whole;
  });
}
