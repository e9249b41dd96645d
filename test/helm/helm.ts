import { readFileSync, readdirSync } from "node:fs";
import { parseAllDocuments } from "yaml";
import { type Ended, runProgram } from "../fakes/run-program.ts";
import { type ToolName, toolPath } from "../setup/tools.ts";
import { CHART } from "./values-schema.ts";

/** The chart as the real programs render it. */

export const helms = ["helm3", "helm4"] as const;
export type Helm = (typeof helms)[number];

/** The values files of helm/ci, for checks that go over all of them. */
export const matrix = readdirSync(`${CHART}ci`)
  .filter((name) => name.endsWith("-values.yaml"))
  .map((name) => ({ name: name.replace("-values.yaml", ""), path: `${CHART}ci/${name}` }));

export function runTool(name: ToolName, args: readonly string[], input = ""): Promise<Ended> {
  return runProgram(toolPath(name), args, { input });
}

/** The path of one values file of the matrix. */
export function valuesFile(name: string): string {
  const found = matrix.find((each) => each.name === name);
  if (found === undefined) throw new Error(`helm/ci has no ${name}-values.yaml`);
  return found.path;
}

interface Manifest {
  readonly kind: string;
  readonly apiVersion: string;
  readonly metadata: { readonly name: string; readonly [key: string]: unknown };
}

/** The value at a path such as spec.template.spec.containers.0; undefined where there is none. */
export function at(value: unknown, path: string): unknown {
  return path
    .split(".")
    .reduce<unknown>((found, key) => (found as Record<string, unknown> | null | undefined)?.[key], value);
}

/** The entry of a list that has this name. */
export function named(list: unknown, name: string): Record<string, unknown> | undefined {
  return (list as Record<string, unknown>[] | undefined)?.find((each) => each["name"] === name);
}

export interface Options {
  readonly helm?: Helm;
  readonly kubeVersion?: string;
  /** Kinds beside those of Kubernetes that the cluster knows, such as monitoring.coreos.com/v1/PodMonitor. */
  readonly apis?: readonly string[];
  readonly release?: string;
}

/** Runs `helm template` with these values, or with those of a values file. */
export function template(values: object | string, options: Options = {}): Promise<Ended> {
  const { helm = "helm4", kubeVersion = "1.30.0", apis = [], release = "evertoken" } = options;
  const args = ["template", release, CHART, "--namespace", "tokens", "--kube-version", kubeVersion];
  for (const api of apis) args.push("--api-versions", api);
  if (typeof values === "string") return runTool(helm, [...args, "--values", values]);
  return runTool(helm, [...args, "--values", "-"], JSON.stringify(values));
}

/** All manifests; throws the message of Helm where it refuses the values. */
export async function render(values: object | string, options: Options = {}): Promise<Manifests> {
  const { code, stdout, stderr } = await template(values, options);
  if (code !== 0) throw new Error(stderr);
  return manifestsOf(stdout);
}

export interface Manifests {
  readonly all: readonly Manifest[];
  /** The manifest of this kind, and of this name where there are several. Throws where there is not exactly one. */
  one(kind: string, name?: string): Manifest;
  kinds(): string[];
}

function manifestsOf(text: string): Manifests {
  const all = parseAllDocuments(text)
    .map((document) => {
      if (document.errors.length > 0) throw new Error(document.errors.join("\n"));
      return document.toJS() as Manifest | null;
    })
    .filter((manifest) => manifest !== null);
  return {
    all,
    one(kind, name) {
      const found = all.filter((each) => each.kind === kind && (name === undefined || each.metadata.name === name));
      if (found.length !== 1)
        throw new Error(`${found.length} of ${kind} ${name ?? ""} in: ${this.kinds().join(", ")}`);
      return found[0] as Manifest;
    },
    kinds: () => all.map(({ kind }) => kind).toSorted(),
  };
}

/** The message with which Helm refuses these values, in one line; throws where Helm accepts them. */
export async function refusal(values: object, options: Options = {}): Promise<string> {
  const { code, stderr } = await template(values, options);
  if (code === 0) throw new Error("Helm accepted the values");
  return stderr.replaceAll(/\s+/g, " ");
}

/** The least values with which the chart can be installed. */
export const minimal = { config: { redis: { url: "rediss://redis.example.com:6379" }, allowUnsealed: true } };

export async function chartReadme(): Promise<string> {
  const args = ["--chart-search-root", CHART, "--sort-values-order", "file", "--dry-run", "--log-level", "warning"];
  const { code, stdout, stderr } = await runTool("helm-docs", args);
  if (code !== 0 || stderr !== "") throw new Error(stderr);
  return stdout;
}

/** The configuration file of the daemon. */
export function configOf(manifests: Manifests, name = "evertoken"): string {
  return (at(manifests.one("ConfigMap", name), "data") as Record<string, string>)["config.yaml"] ?? "";
}

export function readChart(path: string): string {
  return readFileSync(`${CHART}${path}`, "utf8");
}
