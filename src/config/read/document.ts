import { extname } from "node:path";
import type { Finding, Problem } from "../problem.ts";
import { excerptOf } from "./excerpt.ts";
import { LARGE, locateFast, readFast } from "./fast.ts";
import { lineOf, readLines } from "./ndjson.ts";
import { lineFinder, offsetOf } from "./positions.ts";
import { type YamlFile, readYaml } from "./yaml.ts";

/** Reads one file as a value by the parser that suits it, and finds places in it. */

export interface Document {
  readonly file: string;
  readonly text: string;
  /** The list of all lines for NDJSON. Undefined when there are problems. */
  readonly value: unknown;
  /** Mistakes of syntax. */
  readonly problems: readonly Problem[];
}

/** A value, or a key of a map, to be shown to people. */
export type Wanted = Pick<Finding, "path" | "key" | "hide">;

export interface Place {
  readonly line: number;
  readonly column: number;
  /** The line itself, up to the first value that may be a secret. */
  readonly excerpt?: string;
}

export function readDocument(text: string, file: string): Document {
  if (isNdjson(file)) {
    const { values, problems } = readLines(text, file);
    return { file, text, value: problems.length > 0 ? undefined : values, problems };
  }
  const fast = readFast(text);
  if (fast !== undefined) return { file, text, value: fast.value, problems: [] };
  const { value, problems } = readYaml(text, file);
  return { file, text, value, problems };
}

function isNdjson(file: string): boolean {
  return /^\.(ndjson|jsonl)$/.test(extname(file));
}

/** The place of each wanted value, in their order. Parses the text again, as `readDocument` keeps no positions. */
export function placesIn(document: Document, wanted: readonly Wanted[]): readonly (Place | undefined)[] {
  const { file, text } = document;
  if (isNdjson(file)) {
    return wanted.map((each) => {
      const { line, row } = lineOf(text, Number(each.path[0] ?? 0));
      const [found] = placesInYaml(readYaml(row, file), [{ ...each, path: each.path.slice(1) }]);
      return { ...found, line, column: found?.column ?? 1 };
    });
  }
  const positions = text.length > LARGE ? locateFast(text, wanted) : undefined;
  if (positions === undefined) return placesInYaml(readYaml(text, file), wanted);
  // No excerpts here: only the whole tree tells which values of a line may be secrets.
  const placeAt = lineFinder(text);
  return wanted.map(({ path, key }) => placeAt(offsetOf(positions, path, key)));
}

function placesInYaml(yaml: YamlFile, wanted: readonly Wanted[]): readonly (Place | undefined)[] {
  const hiddenFrom = yaml.hiddenFrom(wanted);
  return wanted.map(({ path, key }) => {
    const place = yaml.locate(path, key);
    if (place === undefined) return undefined;
    const excerpt = excerptOf(yaml.lineText(place.line), place.column, hiddenFrom(place.line));
    return excerpt === undefined ? place : { ...place, excerpt };
  });
}
