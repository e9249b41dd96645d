import { type Markup, markup } from "./markup.ts";

/** A table with its caption in a sentence. The columns in `numbers` are aligned to the right. */
export function table(options: {
  readonly name: string;
  readonly caption: Markup | string;
  readonly columns: readonly string[];
  readonly numbers?: readonly string[];
  readonly rows: readonly Markup[];
}): Markup {
  const heads = options.columns.map((name) =>
    options.numbers?.includes(name)
      ? markup`<th scope="col" class="n">${name}</th>`
      : markup`<th scope="col">${name}</th>`,
  );
  return markup`<table class="${options.name}">
    <caption>${options.caption}</caption>
    <thead><tr>${heads}</tr></thead>
    <tbody>${options.rows}</tbody>
  </table>`;
}
