import { dirname, resolve } from "node:path";
import type { Env } from "../../core/edges.ts";
import type { CrossFinding, Finding, Path, Problem } from "../problem.ts";
import { closest } from "../suggest.ts";
import { type Document, type Wanted, placesIn } from "./document.ts";
import { interpolate } from "./interpolate.ts";

/** Joins the files of a configuration into one value, and leads from a path in it back to a place in a file. */

export interface Joined {
  /** The value of the main file, with the credentials of all files in one list. */
  readonly root: unknown;
  /** About variables, and about included files that hold more than credentials. */
  readonly findings: readonly Finding[];
  /** Whether the value at a path held a variable of the environment. */
  isVariable(path: Path): boolean;
  /** The folder that relative paths at this place are relative to. */
  folderOf(path: Path): string;
  /** Orders findings by file and credential, without looking for their lines. */
  rank(path: Path): number;
  /** In the order of the files and lines. */
  locate(findings: readonly CrossFinding[]): readonly Problem[];
}

interface JoinedFile {
  readonly document: Document;
  /** Where its first credential stands in the list of all. */
  readonly first: number;
  /** The path in its own value to its list of credentials; undefined without one. */
  readonly list: Path | undefined;
  readonly isVariable: (path: Path) => boolean;
  readonly folder: string;
}

/** A path in the joined value, as a path in the value of one file. */
interface LocalPath {
  readonly file: JoinedFile;
  /** The index of the file. */
  readonly number: number;
  readonly path: Path;
}

/** Begins a path into an included file, outside of its credentials. The index of the file follows. */
const INSIDE = "\0inside";

/** `documents`: the main file first. All of them are free of problems. */
export function joinDocuments(documents: readonly Document[], env: Env): Joined {
  const files: JoinedFile[] = [];
  const findings: Finding[] = [];
  const credentials: unknown[] = [];
  let root: unknown;
  for (const [number, document] of documents.entries()) {
    const { value, findings: unset, isVariable } = replaceVariables(document, env);
    const list = number === 0 ? listOfMain(value) : listOfIncluded(value);
    const folder = dirname(resolve(document.file));
    const file = { document, first: credentials.length, list: list?.path, isVariable, folder };
    files.push(file);
    for (const each of list?.items ?? []) credentials.push(each);
    findings.push(...unset.map((finding) => ({ ...finding, path: joinedPath({ file, number, path: finding.path }) })));
    if (number === 0) root = value;
    else findings.push(...checkIncluded(value, number));
  }
  // A `credentials` that is no list stays as the main file has it: the schema reports it.
  const own = (root as { credentials?: unknown } | null | undefined)?.credentials;
  if (files.length > 1 && (own === undefined || Array.isArray(own))) root = { ...(root as object), credentials };

  function localPath(path: Path): LocalPath {
    const [section, index, ...rest] = path;
    if (section === INSIDE) return inFile(files, Number(index), rest);
    if (section !== "credentials" || typeof index !== "number") return inFile(files, 0, path);
    let number = files.findIndex(({ first }) => first > index);
    number = (number === -1 ? files.length : number) - 1;
    const { list = [], first = 0 } = files[number] ?? {};
    return inFile(files, number, [...list, index - first, ...rest]);
  }

  return {
    root,
    findings,
    isVariable(path) {
      const local = localPath(path);
      return local.file.isVariable(local.path);
    },
    folderOf: (path) => localPath(path).file.folder,
    rank: (path) => (path[0] === "credentials" ? Number(path[1] ?? 0) + 1 : path[0] === INSIDE ? 0.5 : 0),
    locate: (all) => locateAll(all, localPath),
  };
}

function inFile(files: readonly JoinedFile[], number: number, path: Path): LocalPath {
  const file = files[number];
  if (file === undefined) throw new RangeError("a path into no file");
  return { file, number, path };
}

function replaceVariables(document: Document, env: Env): ReturnType<typeof interpolate> {
  if (document.text.includes("${")) return interpolate(document.value, env);
  return { value: document.value, findings: [], isVariable: () => false };
}

interface CredentialList {
  readonly items: readonly unknown[];
  readonly path: Path;
}

function listOfMain(value: unknown): CredentialList | undefined {
  const own = (value as { credentials?: unknown } | null)?.credentials;
  return Array.isArray(own) ? { items: own, path: ["credentials"] } : undefined;
}

function listOfIncluded(value: unknown): CredentialList | undefined {
  return Array.isArray(value) ? { items: value, path: [] } : listOfMain(value);
}

function checkIncluded(value: unknown, number: number): Finding[] {
  const path = [INSIDE, number];
  if (Array.isArray(value)) return [];
  const isMap = typeof value === "object" && value !== null;
  if (!isMap || !Array.isArray((value as { credentials?: unknown }).credentials)) {
    const message = "an included file must be a list of credentials, or a map with a list under credentials:";
    return [{ severity: "error", path, message, hide: !isMap }];
  }
  const message = "an included file may have no key but credentials; everything else belongs in the main file";
  return Object.keys(value)
    .filter((key) => key !== "credentials")
    .map((key) => ({ severity: "error", path, key, message, suggestion: closest(key, ["credentials"]) }));
}

/** The reverse of `localPath`. */
function joinedPath({ file: { first, list }, number, path }: LocalPath): Path {
  const index = list && path[list.length];
  if (list === undefined || typeof index !== "number") return number === 0 ? path : [INSIDE, number, ...path];
  if (number === 0 && path[0] !== "credentials") return path;
  return ["credentials", first + index, ...path.slice(list.length + 1)];
}

/** Looks up the places of all findings in a file at once: that takes a parse of the file. */
function locateAll(findings: readonly CrossFinding[], localPath: (path: Path) => LocalPath): Problem[] {
  interface Reference {
    readonly document: Document;
    readonly number: number;
    /** Into what is wanted of the document. */
    readonly index: number;
  }
  const wanted = new Map<Document, Wanted[]>();
  function want(path: Path, finding: Omit<Wanted, "path">): Reference {
    const { file, number, path: local } = localPath(path);
    const list = wanted.get(file.document) ?? [];
    const index = list.push({ ...finding, path: local }) - 1;
    wanted.set(file.document, list);
    return { document: file.document, number, index };
  }
  const references = findings.map(({ path, key, hide, also }) => ({
    own: want(path, { ...(key !== undefined && { key }), ...(hide !== undefined && { hide }) }),
    also: also && want(also, {}),
  }));
  const found = new Map([...wanted].map(([document, list]) => [document, placesIn(document, list)]));
  const placeOf = ({ document, index }: Reference) => found.get(document)?.[index];

  const located = findings.map(({ severity, message, suggestion }, i) => {
    const { own, also } = references[i] ?? {};
    const first = also && placeOf(also);
    const where =
      also?.document === own?.document ? `in line ${first?.line}` : `at ${also?.document.file}:${first?.line}`;
    const problem: Problem = {
      severity,
      file: own?.document.file ?? "",
      message: first === undefined ? message : `${message} (first ${where})`,
      ...(own && placeOf(own)),
      ...(suggestion !== undefined && { suggestion }),
    };
    return { problem, number: own?.number ?? 0 };
  });
  return located
    .toSorted((a, b) => a.number - b.number || comparePlaces(a.problem, b.problem))
    .map(({ problem }) => problem);
}

function comparePlaces(a: Problem, b: Problem): number {
  return (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0);
}
