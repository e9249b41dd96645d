import type { Expanded } from "../expand/expand.ts";
import type { CrossFinding, Path } from "../problem.ts";

/** Words findings about credentials for people. */

export interface Context {
  readonly credentials: Expanded["file"]["credentials"];
  readonly writtenAt: Expanded["writtenAt"];
  isVariable(path: Path): boolean;
}

/**
 * A finding moves to the place where its value was written. A mistake in a template is reported once, however many
 * credentials use it. A value from the environment is taken out of the message: it may be a secret.
 */
export function wordFindings(findings: readonly CrossFinding[], context: Context): CrossFinding[] {
  const shared = new Map<string, { finding: CrossFinding; index: number; more: number }>();
  const all: (CrossFinding | undefined)[] = findings.map((original) => {
    const finding = withoutVariable(original, context);
    if (finding.also !== undefined) return withOwnPlaces(finding, context);
    const { path, key, message } = finding;
    const written = context.writtenAt(key === undefined ? path : [...path, key]);
    if (written[0] !== "templates" || path[0] !== "credentials") return finding;
    const moved = { ...finding, path: key === undefined ? written : written.slice(0, -1) };
    // A message that quotes a value differs from credential to credential: the place alone says that it is the same.
    const same = [...written, finding.quoted === undefined ? message : ""].join("\0");
    const first = shared.get(same);
    if (first === undefined) shared.set(same, { finding: moved, index: Number(path[1]), more: 0 });
    else first.more++;
    return undefined;
  });
  const ofTemplates = [...shared.values()].map(({ finding, index, more }) => {
    const named = nameOf(index, context);
    const others = more === 0 ? "" : ` and ${more} more`;
    return { ...finding, message: `${finding.message} (credential ${named}${others})` };
  });
  return [...all.filter((finding) => finding !== undefined), ...ofTemplates];
}

/**
 * For two credentials in conflict: where both take the value from a template, the credentials are the places to name.
 */
function withOwnPlaces(finding: CrossFinding, { writtenAt }: Context): CrossFinding {
  const own = (path: Path): Path => (writtenAt(path)[0] === "templates" ? path.slice(0, 2) : path);
  return { ...finding, path: own(finding.path), also: own(finding.also ?? []) };
}

function nameOf(index: number, { credentials, isVariable }: Context): string {
  const id = credentials[index]?.id;
  return id === undefined || isVariable(["credentials", index, "id"]) ? `number ${index + 1}` : `"${id}"`;
}

/** A value may come from the environment itself, or by a placeholder: `{id}`, `{label:NAME}`. */
function withoutVariable(finding: CrossFinding, context: Context): CrossFinding {
  const { quoted, message, path } = finding;
  if (quoted === undefined || quoted === "") return finding;
  const [section, index, ...steps] = path;
  const facts: Path[] = [];
  if (section === "credentials" && typeof index === "number" && steps.length > 0) {
    const labels = Object.keys(context.credentials[index]?.labels ?? {}).map((name) => ["labels", name]);
    for (const fact of [["id"], ["provider"], ...labels]) facts.push(["credentials", index, ...fact]);
  }
  if (![path, ...facts].some((each) => context.isVariable(context.writtenAt(each)))) return finding;
  return { ...finding, message: message.replaceAll(quoted, "(from the environment)") };
}
