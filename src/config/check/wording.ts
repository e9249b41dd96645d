import type { Expanded } from "../expand/expand.ts";
import type { CrossFinding, Path } from "../problem.ts";

/** What findings about credentials are put into words with. */
export interface Wording {
  readonly credentials: Expanded["file"]["credentials"];
  readonly writtenAt: Expanded["writtenAt"];
  isVariable(path: Path): boolean;
}

/**
 * Findings about credentials as people need them: at the place where the value was written, which may be a template, once
 * however many credentials use it, and without what came from the environment, which may be a secret wherever it was used.
 */
export function worded(findings: readonly CrossFinding[], wording: Wording): CrossFinding[] {
  const shared = new Map<string, { finding: CrossFinding; index: number; more: number }>();
  const all: (CrossFinding | undefined)[] = findings.map((original) => {
    const finding = withoutVariable(original, wording);
    if (finding.also !== undefined) return bothPlaces(finding, wording);
    const { path, key, message } = finding;
    const written = wording.writtenAt(key === undefined ? path : [...path, key]);
    if (written[0] !== "templates" || path[0] !== "credentials") return finding;
    const moved = { ...finding, path: key === undefined ? written : written.slice(0, -1) };
    // The text of the credential's own value makes each message a different one: told apart by their place alone.
    const same = [...written, finding.quoted === undefined ? message : ""].join("\0");
    const first = shared.get(same);
    if (first === undefined) shared.set(same, { finding: moved, index: Number(path[1]), more: 0 });
    else first.more++;
    return undefined;
  });
  const told = [...shared.values()].map(({ finding, index, more }) => {
    const named = nameOf(index, wording);
    const others = more === 0 ? "" : ` and ${more} more`;
    return { ...finding, message: `${finding.message} (of the credential ${named}${others})` };
  });
  return [...all.filter((finding) => finding !== undefined), ...told];
}

/** Two credentials that are in each other's way: a template that both take the value from is not the place to say so. */
function bothPlaces(finding: CrossFinding, { writtenAt }: Wording): CrossFinding {
  const own = (path: Path): Path => (writtenAt(path)[0] === "templates" ? path.slice(0, 2) : path);
  return { ...finding, path: own(finding.path), also: own(finding.also ?? []) };
}

function nameOf(index: number, { credentials, isVariable }: Wording): string {
  const id = credentials[index]?.id;
  return id === undefined || isVariable(["credentials", index, "id"]) ? `number ${index + 1}` : `"${id}"`;
}

/** A value may hold a variable itself, or by a placeholder: `{id}`, `{label:NAME}`. */
function withoutVariable(finding: CrossFinding, wording: Wording): CrossFinding {
  const { quoted, message, path } = finding;
  if (quoted === undefined || quoted === "") return finding;
  const [section, index, ...steps] = path;
  const facts: Path[] = [];
  if (section === "credentials" && typeof index === "number" && steps.length > 0) {
    const labels = Object.keys(wording.credentials[index]?.labels ?? {}).map((name) => ["labels", name]);
    for (const fact of [["id"], ["provider"], ...labels]) facts.push(["credentials", index, ...fact]);
  }
  if (![path, ...facts].some((each) => wording.isVariable(wording.writtenAt(each)))) return finding;
  return { ...finding, message: message.replaceAll(quoted, "(from the environment)") };
}
