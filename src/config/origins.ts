import type { Env } from "../core/edges.ts";
import { type Checked, checkJoined } from "./check/check.ts";
import { reportOf } from "./check/documents.ts";
import { type Finding, type Path, type Problem, valueAt } from "./problem.ts";
import { type Joined, joinDocuments } from "./read/joined.ts";
import { openFiles } from "./read/open.ts";
import { POLICY_KEYS } from "./resolve/policy.ts";
import { presets } from "./resolve/presets.ts";

/** Finds the places in the files of a configuration where values were written, by the paths of the resolved values. */

/** Where a value comes from: a place in a file, a preset, or evertoken itself. */
export type Origin =
  | { readonly file: string; readonly line: number; readonly variable: boolean }
  | { readonly preset: string }
  | "built in";

/**
 * The origin of each value, in the order of `paths`. A path is as in the file, `["http", "listen"]`, but leads to a
 * credential by its id: `["credentials", id, "lifetime"]`. A value that the credential does not set itself is looked up
 * as it is resolved: in its template, its provider and the defaults.
 */
export async function originsOf(file: string, env: Env, paths: readonly Path[]): Promise<readonly Origin[]> {
  const { joined, checked } = await readAgain(file, env);
  const { expanded } = checked;
  if (expanded === undefined) return paths.map(() => "built in");
  const { credentials, providers } = expanded.file;
  const indexes = new Map(credentials.map((credential, i) => [String(credential.id), i]));

  function findOrigin(path: Path): { path?: Path; preset?: string } {
    const [section, name, ...steps] = path;
    const index = section === "credentials" ? indexes.get(String(name)) : undefined;
    const provider = index === undefined ? String(name) : (credentials[index]?.provider ?? "");
    const preset = section === "credentials" || section === "providers" ? providers[provider]?.preset : undefined;
    const own = index === undefined ? path : expanded?.writtenAt(["credentials", index, ...steps]);
    const isPolicy = index !== undefined && POLICY_KEYS.some((key) => key === steps[0]);
    const byPreset = preset !== undefined && isPreset(preset, section === "providers" ? steps : isPolicy ? steps : []);
    const candidates = [
      own,
      ...(isPolicy ? [["providers", provider, ...steps]] : []),
      ...(isPolicy && !byPreset ? [["defaults", ...steps]] : []),
    ];
    const found = candidates.find((each) => each !== undefined && valueAt(joined.root, each) !== undefined);
    return { ...(found !== undefined && { path: found }), ...(byPreset && { preset }) };
  }

  const all = paths.map(findOrigin);
  const places = locate(
    joined,
    all.map((each) => each.path),
  );
  return all.map(({ path, preset }, i): Origin => {
    const place = places[i];
    if (path !== undefined && place !== undefined) return { ...place, variable: joined.isVariable(path) };
    return preset === undefined ? "built in" : { preset };
  });
}

/** The places of findings about a configuration that was valid when it was loaded. */
export async function locateFindings(
  file: string,
  findings: readonly Finding[],
  env: Env,
): Promise<readonly Problem[]> {
  const { joined, checked } = await readAgain(file, env);
  const written = findings.map((finding) => ({
    ...finding,
    path: checked.expanded?.writtenAt(finding.path) ?? finding.path,
  }));
  return reportOf(written, joined).problems;
}

/** Loading keeps no positions: the files are read a second time by what needs some. */
async function readAgain(file: string, env: Env): Promise<{ readonly joined: Joined; readonly checked: Checked }> {
  const opened = await openFiles(file, env);
  const joined = joinDocuments(opened?.documents ?? [], env);
  return { joined, checked: checkJoined(joined) };
}

/** Whether the preset gives this value of a provider or a policy. */
function isPreset(preset: keyof typeof presets, [key, below]: Path): boolean {
  if (key === "auth") return below === "method";
  return key === "grant" || key === "publishFields" || (key === "lifetime" && presets[preset].lifetimeMs > 0);
}

/** The places of the paths, in their order. `joined` sorts what it locates: the index travels in the message. */
function locate(joined: Joined, paths: readonly (Path | undefined)[]) {
  const wanted = paths.flatMap((path, i) =>
    path === undefined ? [] : [{ severity: "warning" as const, path, message: String(i) }],
  );
  const found: { file: string; line: number }[] = [];
  for (const { file, line, message } of joined.locate(wanted)) found[Number(message)] = { file, line: line ?? 1 };
  return found;
}
