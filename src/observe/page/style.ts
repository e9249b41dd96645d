import { readFileSync } from "node:fs";
import { signStyle } from "./tone.ts";

const FILES = ["colours", "page", "sections", "screens"];

/** The style sheet of the page, in one line and read once: it is a part of every answer. */
export const style: string = FILES.map(read).map(packed).join("") + signStyle;

function read(name: string): string {
  return readFileSync(new URL(`style/${name}.css`, import.meta.url), "utf8");
}

function packed(css: string): string {
  return css
    .replaceAll(/\/\*[\s\S]*?\*\//g, "")
    .replaceAll(/\s*\n\s*/g, "")
    .replaceAll(/([:;,>{}])\s+/g, "$1")
    .replaceAll(/\s+([>{])/g, "$1")
    .replaceAll(";}", "}");
}
