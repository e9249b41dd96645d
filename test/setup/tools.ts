import { homedir } from "node:os";
import { join } from "node:path";
import { findProgram } from "./find-program.ts";

/**
 * Programs that npm does not install and a newcomer need not have. The name of a test file says which of them it
 * needs: `render.helm.test.ts` runs where helm is. Elsewhere it is left out, and the run says so at its end. Under CI
 * nothing is left out.
 */
const kinds = {
  helm: { programs: ["helm3", "helm4", "kubectl-validate", "helm-docs"], get: "bash .ci/tools helm" },
  cluster: { programs: ["helm3", "helm4", "kube-apiserver", "etcd", "kubectl"], get: "bash .ci/tools helm cluster" },
  prometheus: { programs: ["promtool", "prometheus"], get: "bash .ci/tools prometheus" },
  browser: { programs: ["chromium"], get: "bash .ci/tools browser" },
  image: { programs: ["evertoken-podman"], get: "bash .ci/image (as root)" },
  history: { programs: ["git"], get: "apt-get install git, and a clone with its history" },
  play: { programs: ["evertoken-podman", "helm4"], get: "bash .ci/tools helm, bash .ci/image (as root)" },
} as const;

type Kind = keyof typeof kinds;
export type ToolName = (typeof kinds)[Kind]["programs"][number];

/** The path of the program; throws an error that says how to get it. */
export function toolPath(name: ToolName): string {
  const found = findTool(name);
  if (found !== undefined) return found;
  const kind = Object.values(kinds).find(({ programs }) => (programs as readonly string[]).includes(name));
  throw new Error(`${name} is not on the PATH; to get it: ${kind?.get}`);
}

function findTool(name: ToolName): string | undefined {
  // The PATH comes first, then the folder into which .ci/tools builds.
  const cache = process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache");
  return findProgram(name) ?? findProgram(name, join(cache, "evertoken-ci", "bin"));
}

export interface LeftOut {
  /** A glob of test files. */
  readonly files: string;
  /** One line: the files, the reason, and how to get the missing programs. */
  readonly line: string;
}

/** The test files that this machine cannot run. Under CI there are none: there a missing program is a failure. */
export function leftOut(ci = process.env["CI"]): LeftOut[] {
  if (ci !== undefined && ci !== "" && ci !== "false") return [];
  return Object.entries(kinds).flatMap(([kind, { programs, get }]) => {
    const missing = programs.filter((name) => findTool(name) === undefined);
    if (missing.length === 0) return [];
    const files = `test/**/*.${kind}.test.ts`;
    return [{ files, line: `left out: ${files}, because ${missing.join(", ")} cannot be found; to get it: ${get}` }];
  });
}
