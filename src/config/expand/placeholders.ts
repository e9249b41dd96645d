/** What a credential is known by; the placeholders in its values stand for it. */
export interface Facts {
  readonly id: string;
  readonly provider: string;
  readonly labels: Readonly<Record<string, string | number>>;
}

/** A placeholder that stands for nothing: an unknown one, or a label that the credential does not have. */
export interface Unfilled {
  readonly placeholder: string;
  /** Set when the placeholder is right and the label is missing. */
  readonly label?: string;
}

type Fill = (text: string, facts: Facts, onUnfilled: (found: Unfilled) => void) => string;

export const KNOWN_PLACEHOLDERS = "{id}, {provider} and {label:NAME}";

/** `{{x}}` first: it stands for the text `{x}` itself. Other braces, as in JSON, are none of ours. */
const PLACEHOLDER = /\{\{([A-Za-z_]\w*(?::[^{}]*)?)\}\}|\{([A-Za-z_]\w*)(?::([^{}]*))?\}/g;

/** The text with something harmless in place of every placeholder, to be judged before there is a credential. */
export function sampleOf(text: string): string {
  return text.replaceAll(PLACEHOLDER, "x");
}

/** Texts with placeholders are mostly a template's, the same for thousands of credentials; those of so many are kept. */
const MAX_KNOWN = 1000;

interface Piece {
  /** What stands before the placeholder. */
  readonly before: string;
  readonly placeholder: string;
  readonly word: string;
  readonly name: string | undefined;
}

interface Pieces {
  readonly pieces: readonly Piece[];
  readonly after: string;
}

/** Replaces `{id}`, `{provider}` and `{label:NAME}`; `onUnfilled` hears of every other `{word}`. */
export function makeFill(): Fill {
  const known = new Map<string, Pieces>();
  return (text, facts, onUnfilled) => {
    if (!text.includes("{")) return text;
    const found = known.get(text) ?? piecesOf(text);
    if (known.size < MAX_KNOWN) known.set(text, found);
    let filled = "";
    for (const piece of found.pieces) filled += piece.before + valueOf(piece, facts, onUnfilled);
    return filled + found.after;
  };
}

function piecesOf(text: string): Pieces {
  const pieces: Piece[] = [];
  let before = "";
  let at = 0;
  for (const { 0: placeholder, 1: literal, 2: word = "", 3: name, index } of text.matchAll(PLACEHOLDER)) {
    before += text.slice(at, index);
    at = index + placeholder.length;
    if (literal === undefined) {
      pieces.push({ before, placeholder, word, name });
      before = "";
    } else before += `{${literal}}`;
  }
  return { pieces, after: before + text.slice(at) };
}

function valueOf({ placeholder, word, name }: Piece, facts: Facts, onUnfilled: (found: Unfilled) => void): string {
  if (name === undefined && (word === "id" || word === "provider")) return facts[word];
  if (name !== undefined && word === "label") {
    const value = Object.hasOwn(facts.labels, name) ? facts.labels[name] : undefined;
    if (value !== undefined) return String(value);
    onUnfilled({ placeholder, label: name });
  } else onUnfilled({ placeholder });
  return placeholder;
}
