import { readFileSync } from "node:fs";
import { signStyle } from "./tone.ts";

const FILES = ["colours", "page", "sections", "screens"];

/** The style sheet of the page, in one line. It is read once and is part of every answer. */
export const style: string = FILES.map(readSheet).map(pack).join("") + signStyle;

function readSheet(name: string): string {
  return readFileSync(new URL(`style/${name}.css`, import.meta.url), "utf8");
}

function pack(css: string): string {
  return css
    .replaceAll(/\/\*[\s\S]*?\*\//g, "")
    .replaceAll(/\s*\n\s*/g, "")
    .replaceAll(/([:;,>{}])\s+/g, "$1")
    .replaceAll(/\s+([>{])/g, "$1")
    .replaceAll(";}", "}");
}
