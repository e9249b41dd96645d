import type { Env } from "../core/edges.ts";
import { presets } from "./resolve/presets.ts";
import { judge } from "./check/check.ts";
import { openFiles } from "./read/open.ts";
import { type Path, valueAt } from "./problem.ts";
import { POLICY_KEYS } from "./resolve/policy.ts";
import { type Sources, joinSources } from "./read/joined.ts";

/** Where a value comes from: a place in a file, a preset, or evertoken itself. */
export type Origin =
  | { readonly file: string; readonly line: number; readonly variable: boolean }
  | { readonly preset: string }
  | "built in";

/**
 * Of values named as in the file: `["http", "listen"]`, or below a credential `["credentials", id, "lifetime"]`. What a credential does
 * not say itself is found in its template, its provider, and the defaults, as when it was resolved. In the same order.
 */
export async function originsOf(file: string, env: Env, paths: readonly Path[]): Promise<readonly Origin[]> {
  const opened = await openFiles(file, env);
  const sources = joinSources(opened?.documents ?? [], env);
  const { expanded } = judge(sources.root, sources.findings, sources.isVariable);
  if (expanded === undefined) return paths.map(() => "built in");
  const { credentials, providers } = expanded.file;
  const places = new Map(credentials.map((credential, i) => [String(credential.id), i]));

  function written(path: Path): { path?: Path; preset?: string } {
    const [section, name, ...steps] = path;
    const index = section === "credentials" ? places.get(String(name)) : undefined;
    const provider = index === undefined ? String(name) : (credentials[index]?.provider ?? "");
    const preset = section === "credentials" || section === "providers" ? providers[provider]?.preset : undefined;
    const own = index === undefined ? path : expanded?.writtenAt(["credentials", index, ...steps]);
    const policy = index !== undefined && POLICY_KEYS.some((key) => key === steps[0]);
    const byPreset = preset !== undefined && isPreset(preset, section === "providers" ? steps : policy ? steps : []);
    const candidates = [
      own,
      ...(policy ? [["providers", provider, ...steps]] : []),
      ...(policy && !byPreset ? [["defaults", ...steps]] : []),
    ];
    const found = candidates.find((each) => each !== undefined && valueAt(sources.root, each) !== undefined);
    return { ...(found !== undefined && { path: found }), ...(byPreset && { preset }) };
  }

  const all = paths.map(written);
  const located = locate(
    sources,
    all.map((each) => each.path),
  );
  return all.map(({ path, preset }, i): Origin => {
    const place = located[i];
    if (path !== undefined && place !== undefined) return { ...place, variable: sources.isVariable(path) };
    return preset === undefined ? "built in" : { preset };
  });
}

/** What a preset says in place of the built-in value. */
function isPreset(preset: keyof typeof presets, [key, below]: Path): boolean {
  if (key === "auth") return below === "method";
  return key === "grant" || key === "publishFields" || (key === "lifetime" && presets[preset].lifetimeMs > 0);
}

/** `sources` sorts what it finds by place; the message tells which is which. */
function locate(sources: Sources, paths: readonly (Path | undefined)[]) {
  const wanted = paths.flatMap((path, i) =>
    path === undefined ? [] : [{ severity: "warning" as const, path, message: String(i) }],
  );
  const found: { file: string; line: number }[] = [];
  for (const { file, line, message } of sources.locate(wanted)) found[Number(message)] = { file, line: line ?? 1 };
  return found;
}
