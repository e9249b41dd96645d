import { type Markup, markup } from "./markup.ts";

/** A table for people: what it shows in a sentence, and a head whose columns `numbers` are set flush right. */
export function table(parts: {
  readonly name: string;
  readonly caption: Markup | string;
  readonly columns: readonly string[];
  readonly numbers?: readonly string[];
  readonly rows: readonly Markup[];
}): Markup {
  const heads = parts.columns.map((name) =>
    parts.numbers?.includes(name)
      ? markup`<th scope="col" class="n">${name}</th>`
      : markup`<th scope="col">${name}</th>`,
  );
  return markup`<table class="${parts.name}">
    <caption>${parts.caption}</caption>
    <thead><tr>${heads}</tr></thead>
    <tbody>${parts.rows}</tbody>
  </table>`;
}
