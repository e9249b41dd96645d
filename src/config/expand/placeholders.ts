/** Fills placeholders in: `{id}`, `{provider}`, `{label:NAME}`. */

/** The values of a credential that placeholders stand for. */
export interface Facts {
  readonly id: string;
  readonly provider: string;
  readonly labels: Readonly<Record<string, string | number>>;
}

/** A placeholder without a value: an unknown one, or a label that the credential does not have. */
export interface Unfilled {
  readonly placeholder: string;
  /** Set when the placeholder is known and the label is missing. */
  readonly label?: string;
}

type Fill = (text: string, facts: Facts, onUnfilled: (found: Unfilled) => void) => string;

export const KNOWN_PLACEHOLDERS = "{id}, {provider} or {label:NAME}";

/** `{{x}}` comes first: it stands for the text `{x}` itself. Other braces, as in JSON, are no placeholders. */
const PLACEHOLDER = /\{\{([A-Za-z_]\w*(?::[^{}]*)?)\}\}|\{([A-Za-z_]\w*)(?::([^{}]*))?\}/g;

/** The text with `x` for every placeholder, to check a value of a provider without a credential. */
export function sampleOf(text: string): string {
  return text.replaceAll(PLACEHOLDER, "x");
}

/** How many split texts are kept: most come from a template, which thousands of credentials share. */
const MAX_KNOWN = 1000;

interface Piece {
  /** The text before the placeholder. */
  readonly before: string;
  readonly placeholder: string;
  /** `id`, `provider` or `label`. */
  readonly word: string;
  /** NAME in `{label:NAME}`. */
  readonly name: string | undefined;
}

interface Pieces {
  readonly pieces: readonly Piece[];
  readonly after: string;
}

/** Replaces the placeholders of a text. `onUnfilled` is called for every `{word}` without a value, which stays. */
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
