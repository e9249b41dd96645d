import {
  type Document,
  LineCounter,
  type Node,
  type YAMLError,
  isMap,
  isScalar,
  isSeq,
  parseDocument,
  visit,
} from "yaml";
import type { Path, Problem } from "./problem.ts";

export interface Place {
  readonly line: number;
  readonly column: number;
}

/** A configuration file's text as a value, and where each value stands. */
export interface Source {
  readonly value: unknown;
  readonly problems: readonly Problem[];
  locate(path: Path, key?: string): Place | undefined;
  lineText(line: number): string;
}

/** A map that refers to itself a thousandfold is an attack or a mistake ("billion laughs"). */
const MAX_ALIASES = 1000;
/** Keys whose plain numbers are names: account ids like 007 keep their zeros. */
const NAMES = new Set(["id", "clientId"]);

/** What is wrong, by the parser's code: its messages quote the text, which may be a secret. */
const SYNTAX: Readonly<Record<string, string>> = {
  ALIAS_PROPS: "an alias takes no properties",
  BAD_ALIAS: "an alias (*name) without a name",
  BAD_DIRECTIVE: "a line that begins with % is not understood",
  BAD_DQ_ESCAPE: 'a backslash in a "..." text that YAML does not know; write \\\\ for a backslash',
  BAD_INDENT: "the indentation does not fit the lines around it",
  BAD_PROP_ORDER: "anchors and tags stand before the value",
  BAD_SCALAR_START: "this value must be quoted",
  BLOCK_AS_IMPLICIT_KEY: "a nested map must begin on a line of its own",
  DUPLICATE_KEY: "this key stands here twice",
  MISSING_CHAR: "something is missing: a colon, a comma, a quote or a bracket",
  MULTILINE_IMPLICIT_KEY: "a key must stand on one line; is a colon or a quote missing?",
  MULTIPLE_DOCS: "there is more than one document (---) in this file; one is expected",
  TAB_AS_INDENT: "a tab is used for indentation; YAML wants spaces",
  UNEXPECTED_TOKEN: "something stands here that does not belong; check quotes, brackets and indentation",
};

export function readYaml(text: string, file: string): Source {
  const lines = new LineCounter();
  const document = parseDocument(text, {
    lineCounter: lines,
    merge: true,
    prettyErrors: false,
    uniqueKeys: true,
  });
  const problems = document.errors.map((error) => syntaxProblem(error, file, lines));
  if (problems.length > 0) return source(undefined, problems, document, lines, text);
  if (document.contents === null) {
    const message = "the file is empty; see config.example.yaml for what belongs into it";
    return source(undefined, [{ severity: "error", file, line: 1, column: 1, message }], document, lines, text);
  }
  visit(document, {
    Pair(_, { key, value }) {
      if (isScalar(key) && NAMES.has(String(key.value)) && isScalar(value) && typeof value.value === "number") {
        value.value = value.source ?? String(value.value);
      }
    },
  });
  try {
    return source(document.toJS({ maxAliasCount: MAX_ALIASES }), [], document, lines, text);
  } catch (error) {
    const unresolved = error instanceof ReferenceError && !/excessive/i.test(error.message);
    const message = unresolved
      ? "an alias (*name) refers to an anchor (&name) that does not stand before it"
      : `aliases unfold to far more than they are written as (more than ${MAX_ALIASES} times); write the values out`;
    const alias = firstAlias(document, lines);
    return source(undefined, [{ severity: "error", file, ...alias, message }], document, lines, text);
  }
}

function source(
  value: unknown,
  problems: readonly Problem[],
  document: Document,
  lines: LineCounter,
  text: string,
): Source {
  return {
    value,
    problems,
    locate: (path, key) => locate(document, lines, path, key),
    lineText: (line) => text.split("\n")[line - 1]?.replace(/\r$/, "") ?? "",
  };
}

function syntaxProblem(error: YAMLError, file: string, lines: LineCounter): Problem {
  const { line, col } = lines.linePos(error.pos[0]);
  const message = SYNTAX[error.code] ?? `this is not YAML (${error.code})`;
  return { severity: "error", file, line, column: col, message };
}

function firstAlias(document: Document, lines: LineCounter): Place | undefined {
  let place: Place | undefined;
  visit(document, {
    Alias(_, node) {
      place = placeOf(node, lines);
      return visit.BREAK;
    },
  });
  return place;
}

/** The value's place; of a key the key's; of what came by a merge or is absent, the nearest map around it. */
function locate(document: Document, lines: LineCounter, path: Path, key: string | undefined): Place | undefined {
  let node: unknown = document.contents;
  let place = placeOf(node, lines);
  for (const step of path) {
    const next = isMap(node) || isSeq(node) ? node.get(step, true) : undefined;
    if (next === undefined || next === null) return place;
    node = next;
    // A map's own place is its first key, which says less than the key that leads to it; scalars say it best.
    place = placeOf(node, lines) ?? place;
  }
  if (key !== undefined && isMap(node)) {
    const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === key);
    if (pair !== undefined) place = placeOf(pair.key, lines) ?? place;
  }
  return place;
}

function placeOf(node: unknown, lines: LineCounter): Place | undefined {
  const range = (node as Node | null)?.range;
  if (range === null || range === undefined) return undefined;
  const { line, col } = lines.linePos(range[0]);
  return { line, column: col };
}
