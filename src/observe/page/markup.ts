/** Markup that is safe to send. The key is a symbol: nothing that was parsed can pass for it. */
export interface Markup {
  readonly [MARKUP]: string;
}

/** Nothing is written for `undefined` and `false`; lists are written one after the other. */
type Child = Markup | string | number | undefined | false | readonly Child[];

const MARKUP = Symbol("markup");

/** A template of HTML. Values are escaped for text and for attributes in double quotes, the only places where they may stand. */
export function markup(parts: TemplateStringsArray, ...values: readonly Child[]): Markup {
  const [first = "", ...rest] = parts.map(packed);
  return { [MARKUP]: rest.reduce((text, part, i) => text + written(values[i]) + part, first) };
}

/** Our own text, as it stands: style and script. */
export function asIs(text: string): Markup {
  return { [MARKUP]: text };
}

export function textOf(written: Markup): string {
  return written[MARKUP];
}

function written(value: Child): string {
  if (value === undefined || value === false) return "";
  if (typeof value === "string") return escaped(value);
  if (typeof value === "number") return String(value);
  return MARKUP in value ? value[MARKUP] : value.map(written).join("");
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function escaped(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => ENTITIES[character] ?? "");
}

/**
 * The source's lines and indentation are of no use to a reader of the page; nor are the end tags of cells and rows, which
 * HTML lets out (section 13.1.2.4 of its standard): together a fifth of a page with 100 rows.
 */
function packed(part: string): string {
  return part
    .replaceAll(/(?<=>)\n\s*(?=<)/g, "")
    .replaceAll(/\n\s*/g, "\n")
    .replaceAll(/<\/t[dhr]>/g, "");
}
