import { createRequire } from "node:module";
import type * as Yaml from "yaml";
import type { Alias, Document, LineCounter, Node, Pair } from "yaml";
import type { Finding, Path, Problem } from "../problem.ts";
import { sizeWithAliases } from "./alias-size.ts";
import { isSafeKey, mayHoldSecret } from "./excerpt.ts";

/** Reads YAML and JSON by a parser that keeps the place of every value: the files that fast.ts does not take. */

const require = createRequire(import.meta.url);
let loaded: typeof Yaml | undefined;

/** Loads the library on first use: fast.ts reads a file without a mistake, and does without it. */
function yaml(): typeof Yaml {
  loaded ??= require("yaml") as typeof Yaml;
  return loaded;
}

interface Place {
  readonly line: number;
  readonly column: number;
}

/** A text as a value, and the place of each value in it. */
export interface YamlFile {
  readonly value: unknown;
  readonly problems: readonly Problem[];
  /** The place of the key, or else of the value; for a merged or absent one, of the nearest map around it. */
  locate(path: Path, key?: string): Place | undefined;
  lineText(line: number): string;
  /** The column from which a line may show a secret. The values of keys in `findings` count as secrets too. */
  hiddenFrom(findings: readonly Hideable[]): (line: number) => number | undefined;
}

type Hideable = Pick<Finding, "path" | "key" | "hide">;

/** The tree that the parser has made of a text. */
interface Tree {
  readonly document: Document;
  readonly lines: LineCounter;
  readonly text: string;
}

/** 100,000 accounts have a fifth of this; more is an attack ("billion laughs") or a mistake. */
const MAX_VALUES = 10_000_000;
/** Keys whose numbers are names: an account id like 007 keeps its zeros. */
const NAME_KEYS = new Set(["id", "clientId"]);

/** Messages by the code of the parser. Its own messages quote the text, which may be a secret. */
const SYNTAX: Readonly<Record<string, string>> = {
  ALIAS_PROPS: "an alias (*name) cannot have an anchor or a tag",
  BAD_ALIAS: "an alias (*name) without a name",
  BAD_DIRECTIVE: "this line begins with %, but is no directive of YAML",
  BAD_DQ_ESCAPE: 'a backslash in a "..." text that YAML does not know; write \\\\ for a backslash',
  BAD_INDENT: "the indentation does not fit the lines around it, or an earlier bracket is not closed",
  BAD_PROP_ORDER: "anchors and tags stand before the value",
  BAD_SCALAR_START: "this value must be quoted",
  BLOCK_AS_IMPLICIT_KEY: "a nested map must begin on a line of its own",
  DUPLICATE_KEY: "this key appears twice",
  MISSING_CHAR: "something is missing: a colon, a comma, a quote or a bracket",
  MULTILINE_IMPLICIT_KEY: "a key must stand on one line; is a colon or a quote missing?",
  MULTIPLE_DOCS: "this file has more than one document (---); leave only one",
  TAB_AS_INDENT: "a tab is used for indentation; YAML wants spaces",
  UNEXPECTED_TOKEN: "this does not belong here; check quotes, brackets and indentation",
};

export function readYaml(text: string, file: string): YamlFile {
  const { LineCounter, parseDocument } = yaml();
  const lines = new LineCounter();
  const failed = (message: string, place: Place = { line: 1, column: 1 }): YamlFile => ({
    ...fileOf(undefined, { document: parseDocument(""), lines, text }),
    problems: [{ severity: "error", file, ...place, message }],
  });
  try {
    const document = parseDocument(text, { lineCounter: lines, merge: true, prettyErrors: false, uniqueKeys: true });
    const tree: Tree = { document, lines, text };
    if (document.errors.length > 0) return { ...fileOf(undefined, tree), problems: syntaxProblems(tree, file) };
    keepNames(document);
    const { first, dangling } = aliasesOf(document);
    if (dangling !== undefined) {
      const message = "this alias (*name) has no anchor (&name) before it";
      return failed(message, placeOf(dangling, lines));
    }
    const value: unknown = document.toJS({ maxAliasCount: -1 });
    if (value === null) return failed("the file is empty; see config.example.yaml for what belongs in it");
    if (sizeWithAliases(value) <= MAX_VALUES) return fileOf(value, tree);
    const message = "aliases (*name) expand without end, or to more than 10 million values; write the values out";
    return failed(message, placeOf(first, lines));
  } catch (error) {
    // The message is ours, as one of the parser may quote the text. It throws a RangeError when its stack overflows.
    return failed(
      error instanceof RangeError ? "lists or maps are nested too deeply" : "this is neither YAML nor JSON",
    );
  }
}

/** Turns the numbers that are names back into the text that the file has. */
function keepNames(document: Document): void {
  const { isScalar, visit } = yaml();
  visit(document, {
    Pair(_, { key, value }, path) {
      if (!isScalar(key) || !isScalar(value) || typeof value.value !== "number") return;
      if (NAME_KEYS.has(String(key.value)) || isLabel(path)) value.value = value.source ?? String(value.value);
    },
  });
}

/** Whether the path leads into the `labels` of a credential or a template. */
function isLabel(path: readonly unknown[]): boolean {
  const { isPair, isScalar } = yaml();
  const keys = path.filter(isPair).map(({ key }) => (isScalar(key) ? key.value : undefined));
  return keys.at(-1) === "labels" && keys[0] !== "stores";
}

function fileOf(value: unknown, tree: Tree): YamlFile {
  const rows = tree.text.split("\n");
  return {
    value,
    problems: [],
    locate: (path, key) => locate(tree, path, key),
    lineText: (line) => rows[line - 1]?.replace(/\r$/, "") ?? "",
    hiddenFrom: (findings) => hiddenFrom(tree, findings),
  };
}

/** One mistake often breaks several rules of the parser: the first error of a line is enough. */
function syntaxProblems({ document, lines, text }: Tree, file: string): Problem[] {
  const rows = text.split("\n");
  const problems = new Map<number, Problem>();
  for (const { pos, code } of document.errors) {
    const { line, col } = lines.linePos(pos[0]);
    if (problems.has(line)) continue;
    const hint = code === "UNEXPECTED_TOKEN" && rows[line - 1]?.includes("${") ? "; put ${...} in quotes" : "";
    const message = `${SYNTAX[code] ?? `this is not YAML (${code})`}${hint}`;
    problems.set(line, { severity: "error", file, line, column: col, message });
  }
  return [...problems.values()];
}

interface Aliases {
  readonly anchors: ReadonlyMap<string, Node>;
  /** The first alias of the document. */
  readonly first: Alias | undefined;
  /** The first alias without an anchor before it. */
  readonly dangling: Alias | undefined;
}

/** One pass for all aliases: the look-up of the parser itself walks the whole document for each of them. */
function aliasesOf(document: Document): Aliases {
  const { isAlias, visit } = yaml();
  const anchors = new Map<string, Node>();
  const found: Alias[] = [];
  const dangling: Alias[] = [];
  visit(document, {
    Node(_, node) {
      if (isAlias(node)) {
        found.push(node);
        if (!anchors.has(node.source)) dangling.push(node);
      } else if (node.anchor !== undefined) anchors.set(node.anchor, node);
    },
  });
  return { anchors, first: found[0], dangling: dangling[0] };
}

function hiddenFrom({ document, lines }: Tree, findings: readonly Hideable[]): (line: number) => number | undefined {
  const { isAlias, isScalar, visit } = yaml();
  const columns = new Map<number, number>();
  const { anchors } = aliasesOf(document);
  function hide(node: unknown): void {
    const value = isAlias(node) ? anchors.get(node.source) : node;
    const range = (value as Node | null | undefined)?.range;
    if (range === null || range === undefined) return;
    const from = lines.linePos(range[0]);
    const to = lines.linePos(Math.max(range[0], range[1] - 1));
    for (let line = from.line; line <= to.line; line++) {
      const column = line === from.line ? from.col : 1;
      columns.set(line, Math.min(column, columns.get(line) ?? Infinity));
    }
  }
  visit(document, {
    Pair(_, { key, value }) {
      if (isScalar(key) && mayHoldSecret(String(key.value))) hide(value);
    },
  });
  for (const { path, key, hide: hidden } of findings) {
    if (hidden === true) hide(nodesTo(document, path).at(-1));
    const pair = key === undefined ? undefined : pairOf(nodesTo(document, path).at(-1), key);
    if (pair === undefined || key === undefined) continue;
    hide(pair.value);
    if (!isSafeKey(key)) hide(pair.key);
  }
  return (line) => columns.get(line);
}

/** The nodes from the root to the value, as far as the document holds them: merged and absent ones are left out. */
function nodesTo(document: Document, path: Path): unknown[] {
  const { isMap, isSeq } = yaml();
  const nodes: unknown[] = [document.contents];
  for (const step of path) {
    const at = nodes.at(-1);
    const next = isMap(at) || isSeq(at) ? at.get(step, true) : undefined;
    if (next === undefined || next === null) break;
    nodes.push(next);
  }
  return nodes;
}

function pairOf(node: unknown, key: string): Pair | undefined {
  const { isMap, isScalar } = yaml();
  return isMap(node) ? node.items.find((item) => isScalar(item.key) && String(item.key.value) === key) : undefined;
}

function locate({ document, lines }: Tree, path: Path, key: string | undefined): Place | undefined {
  const nodes = nodesTo(document, path);
  const pair = key === undefined ? undefined : pairOf(nodes.at(-1), key);
  return placeOf(pair?.key, lines) ?? placeOf(nodes.at(-1), lines) ?? placeOf(document.contents, lines);
}

function placeOf(node: unknown, lines: LineCounter): Place | undefined {
  const range = (node as Node | null | undefined)?.range;
  if (range === null || range === undefined) return undefined;
  const { line, col } = lines.linePos(range[0]);
  return { line, column: col };
}
