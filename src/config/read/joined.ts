import type { Env } from "../../core/edges.ts";
import { dirname, resolve } from "node:path";
import { type Document, type Wanted, placesIn } from "./document.ts";
import { interpolate } from "./interpolate.ts";
import { closest } from "../suggest.ts";
import type { CrossFinding, Finding, Path, Problem } from "../problem.ts";

/** The files of a configuration as one value, and the way back from a place in it to a place in a file. */
export interface Sources {
  /** The main file's value with the credentials of all files in one list. */
  readonly root: unknown;
  /** About variables and about what else stands in the included files. */
  readonly findings: readonly Finding[];
  /** Whether a variable of the environment stood in the value there. */
  isVariable(path: Path): boolean;
  /** The folder that relative paths at this place are relative to. */
  folderOf(path: Path): string;
  /** Orders findings by file and credential, without looking for their lines. */
  rank(path: Path): number;
  locate(findings: readonly CrossFinding[]): readonly Problem[];
}

interface Part {
  readonly document: Document;
  /** Index of its first credential in the whole list. */
  readonly first: number;
  /** From the root of its value to its list of credentials; undefined for what is no such list. */
  readonly list: Path | undefined;
  readonly isVariable: (path: Path) => boolean;
  /** The folder it stands in. */
  readonly folder: string;
}

/** Begins a path into an included file that is not about one of its credentials: the number of the file follows. */
const INSIDE = "\0inside";

/** `main` first, then what it includes. None of the documents has a problem. */
export function joinSources(documents: readonly Document[], env: Env): Sources {
  const parts: Part[] = [];
  const findings: Finding[] = [];
  const credentials: unknown[] = [];
  let root: unknown;
  for (const [number, document] of documents.entries()) {
    const { value, findings: unset, isVariable } = read(document, env);
    const list = number === 0 ? listOfMain(value) : listOfIncluded(value);
    const folder = dirname(resolve(document.file));
    const part = { document, first: credentials.length, list: list?.path, isVariable, folder };
    parts.push(part);
    for (const each of list?.items ?? []) credentials.push(each);
    findings.push(...unset.map((finding) => ({ ...finding, path: outward(finding.path, part, number) })));
    if (number === 0) root = value;
    else findings.push(...strangersIn(value, number));
  }
  // Without a list of its own the main file has none; one of the wrong type is told about as it stands there.
  const own = (root as { credentials?: unknown } | null | undefined)?.credentials;
  if (parts.length > 1 && (own === undefined || Array.isArray(own))) root = { ...(root as object), credentials };

  const partOf = (path: Path): { part: Part; number: number; local: Path } => {
    const [section, index, ...rest] = path;
    if (section === INSIDE) return at(parts, Number(index), rest);
    if (section !== "credentials" || typeof index !== "number") return at(parts, 0, path);
    let number = parts.findIndex(({ first }) => first > index);
    number = (number === -1 ? parts.length : number) - 1;
    const { list = [], first = 0 } = parts[number] ?? {};
    return at(parts, number, [...list, index - first, ...rest]);
  };

  return {
    root,
    findings,
    isVariable(path) {
      const { part, local } = partOf(path);
      return part.isVariable(local);
    },
    folderOf: (path) => partOf(path).part.folder,
    rank: (path) => (path[0] === "credentials" ? Number(path[1] ?? 0) + 1 : path[0] === INSIDE ? 0.5 : 0),
    locate: (all) => locateAll(all, (path) => partOf(path)),
  };
}

function at(parts: readonly Part[], number: number, local: Path): { part: Part; number: number; local: Path } {
  const part = parts[number];
  if (part === undefined) throw new RangeError("a path into no file");
  return { part, number, local };
}

function read(document: Document, env: Env): Pick<Part, "isVariable"> & ReturnType<typeof interpolate> {
  if (document.text.includes("${")) return interpolate(document.value, env);
  return { value: document.value, findings: [], isVariable: () => false };
}

function listOfMain(value: unknown): { readonly items: readonly unknown[]; readonly path: Path } | undefined {
  const own = (value as { credentials?: unknown } | null)?.credentials;
  return Array.isArray(own) ? { items: own, path: ["credentials"] } : undefined;
}

function listOfIncluded(value: unknown): ReturnType<typeof listOfMain> {
  return Array.isArray(value) ? { items: value, path: [] } : listOfMain(value);
}

function strangersIn(value: unknown, number: number): Finding[] {
  const path = [INSIDE, number];
  if (Array.isArray(value)) return [];
  const isMap = typeof value === "object" && value !== null;
  if (!isMap || !Array.isArray((value as { credentials?: unknown }).credentials)) {
    const message = "an included file is a list of credentials, or a map with a list under credentials:";
    return [{ severity: "error", path, message, hide: !isMap }];
  }
  const message = "only credentials: may stand in an included file; everything else belongs into the main file";
  return Object.keys(value)
    .filter((key) => key !== "credentials")
    .map((key) => ({ severity: "error", path, key, message, suggestion: closest(key, ["credentials"]) }));
}

/** From a path in a file to a path in the whole. */
function outward(path: Path, { first, list }: Part, number: number): Path {
  const index = list && path[list.length];
  if (list === undefined || typeof index !== "number") return number === 0 ? path : [INSIDE, number, ...path];
  if (number === 0 && path[0] !== "credentials") return path;
  return ["credentials", first + index, ...path.slice(list.length + 1)];
}

function locateAll(
  findings: readonly CrossFinding[],
  partOf: (path: Path) => { part: Part; number: number; local: Path },
): Problem[] {
  const wanted = new Map<Document, Wanted[]>();
  function want(
    path: Path,
    finding: Omit<Wanted, "path">,
  ): () => { document: Document; index: number; number: number } {
    const { part, number, local } = partOf(path);
    const list = wanted.get(part.document) ?? [];
    const index = list.push({ ...finding, path: local }) - 1;
    wanted.set(part.document, list);
    return () => ({ document: part.document, index, number });
  }
  const spots = findings.map(({ path, key, hide, also }) => ({
    own: want(path, { ...(key !== undefined && { key }), ...(hide !== undefined && { hide }) }),
    also: also && want(also, {}),
  }));
  const found = new Map([...wanted].map(([document, list]) => [document, placesIn(document, list)]));
  const rows = findings.map(({ severity, message, suggestion }, i) => {
    const { document, index, number } = spots[i]?.own() ?? { document: undefined, index: 0, number: 0 };
    const place = document && found.get(document)?.[index];
    const also = spots[i]?.also?.();
    const first = also && found.get(also.document)?.[also.index];
    const where = also?.document === document ? `in line ${first?.line}` : `at ${also?.document.file}:${first?.line}`;
    const problem: Problem = {
      severity,
      file: document?.file ?? "",
      message: first === undefined ? message : `${message} (first ${where})`,
      ...place,
      ...(suggestion !== undefined && { suggestion }),
    };
    return { problem, number };
  });
  return rows.toSorted((a, b) => a.number - b.number || byPlace(a.problem, b.problem)).map(({ problem }) => problem);
}

function byPlace(a: Problem, b: Problem): number {
  return (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0);
}
