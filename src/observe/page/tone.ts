import { type Markup, markup } from "./markup.ts";

/** How good a fact is. It is shown by a colour and by a sign, so that nobody depends on the colour. */
export type Tone = "good" | "doubtful" | "bad" | "plain";

/** Shapes that differ without colour: a disc with a tick, a triangle, an octagon with a cross, a dot. */
const SIGNS: Readonly<Record<Tone, string>> = {
  good: "M8 0a8 8 0 1 1 0 16A8 8 0 0 1 8 0ZM6.9 11.7l5.6-5.9-1.5-1.4-4.1 4.4-2-2-1.4 1.4Z",
  doubtful: "M8 .7 16 15H0ZM7.2 5.5v5h1.7v-5Zm0 6.2v1.7h1.7v-1.7Z",
  bad:
    "M4.7 0h6.6L16 4.7v6.6L11.3 16H4.7L0 11.3V4.7Z" +
    "M4.3 5.7 6.6 8l-2.3 2.3 1.4 1.4L8 9.4l2.3 2.3 1.4-1.4L9.4 8l2.3-2.3-1.4-1.4L8 6.6 5.7 4.3Z",
  plain: "M8 5a3 3 0 1 1 0 6 3 3 0 0 1 0-6Z",
};

/** The signs are CSS masks, filled with the colour of the word: each is sent once, whatever the number of its uses. */
export const signStyle: string = Object.entries(SIGNS)
  .map(([tone, path]) => {
    const shape = `%3Cpath fill-rule='evenodd' d='${path}'/%3E`;
    const image = `%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E${shape}%3C/svg%3E`;
    return `.m.${tone}{--sign:url("data:image/svg+xml,${image}")}`;
  })
  .join("\n");

/** Sign and word. */
export function mark(tone: Tone, word: string): Markup {
  return markup`<span class="m ${tone}">${word}</span>`;
}
