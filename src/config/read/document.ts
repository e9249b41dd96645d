import { extname } from "node:path";
import { excerptOf } from "./excerpt.ts";
import { LARGE, locateFast, readFast } from "./fast.ts";
import { lineOf, readLines } from "./ndjson.ts";
import type { Finding, Problem } from "../problem.ts";
import { type Source, readYaml } from "./yaml.ts";
import { lineFinder, offsetOf } from "./positions.ts";

/** One file of a configuration. */
export interface Document {
  readonly file: string;
  readonly text: string;
  /** Of NDJSON, the list of its lines. Undefined when there are problems. */
  readonly value: unknown;
  /** What keeps the text from being read at all. */
  readonly problems: readonly Problem[];
}

/** What is wanted to be shown to people: a value, or a key of a map. */
export type Wanted = Pick<Finding, "path" | "key" | "hide">;

export interface Place {
  readonly line: number;
  readonly column: number;
  /** The line itself, as far as it cannot hold a secret. */
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

/** Where these stand, in the same order: found only when somebody asks, as it takes a slower parser. */
export function placesIn(document: Document, wanted: readonly Wanted[]): readonly (Place | undefined)[] {
  const { file, text } = document;
  if (isNdjson(file)) {
    return wanted.map((each) => {
      const { line, row } = lineOf(text, Number(each.path[0] ?? 0));
      const [found] = placesInYaml(readYaml(row, file), [{ ...each, path: each.path.slice(1) }]);
      return { ...found, line, column: found?.column ?? 1 };
    });
  }
  const spots = text.length > LARGE ? locateFast(text, wanted) : undefined;
  if (spots === undefined) return placesInYaml(readYaml(text, file), wanted);
  // Without the lines: finding out what may be shown of them takes the whole tree.
  const placeAt = lineFinder(text);
  return wanted.map(({ path, key }) => placeAt(offsetOf(spots, path, key)));
}

function placesInYaml(source: Source, wanted: readonly Wanted[]): readonly (Place | undefined)[] {
  const hiddenFrom = source.hiddenFrom(wanted);
  return wanted.map(({ path, key }) => {
    const place = source.locate(path, key);
    if (place === undefined) return undefined;
    const excerpt = excerptOf(source.lineText(place.line), place.column, hiddenFrom(place.line));
    return excerpt === undefined ? place : { ...place, excerpt };
  });
}
