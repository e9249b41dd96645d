import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { parse } from "yaml";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseConfig } from "../../src/config/parse.ts";
import { readDocument } from "../documents.ts";
import { chartReadme, configOf, helms, matrix, readChart, render, runTool, template } from "./helm.ts";
import { CHART } from "./values-schema.ts";

/** Every values file of helm/ci, with both versions of Helm, against the schemas of Kubernetes. */

let dir = "";
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "et-chart-"));
});
afterAll(async () => rm(dir, { recursive: true, force: true }));

const crds = new URL("crds", import.meta.url).pathname;

describe.each(matrix)("the values $name", ({ path }) => {
  test.each(helms)("pass the linter of %s", async (helm) => {
    const { code, stdout, stderr } = await runTool(helm, ["lint", "--strict", CHART, "--values", path]);
    expect([code, (stdout + stderr).match(/\[(?:ERROR|WARNING)\].*/g)]).toEqual([0, null]);
  });

  test("render alike with both versions of Helm, and no list names an entry twice", async () => {
    const [three, four] = await Promise.all(helms.map((helm) => render(path, { helm })));
    const comparable = (all: readonly object[] = []) =>
      all.map((each) => JSON.stringify(each).replace(/"(password|seal-key)":"[^"]+"/, '"$1":"random"')).toSorted();
    expect(comparable(four?.all)).toEqual(comparable(three?.all));
    expect((four?.all ?? []).flatMap((manifest) => namedTwice(manifest, manifest.kind))).toEqual([]);
  });
});

/**
 * Lists in which a name stands twice: variables, ports, volumes, mounts, containers. Server-side apply refuses them.
 */
function namedTwice(value: unknown, where: string): string[] {
  if (typeof value !== "object" || value === null) return [];
  const below = Object.entries(value).flatMap(([key, child]) => namedTwice(child, `${where}.${key}`));
  if (!Array.isArray(value)) return below;
  const key = where.endsWith("volumeMounts") ? "mountPath" : "name";
  const names = value
    .map((each) => (each as Record<string, string> | null)?.[key])
    .filter((name) => name !== undefined);
  return new Set(names).size === names.length ? below : [...below, `${where}: ${names.join(", ")}`];
}

describe.each(["1.29", "1.30"])("for Kubernetes %s", (version) => {
  const validate = (path: string) => runTool("kubectl-validate", [path, "--version", version, "--local-crds", crds]);

  test("every manifest of every values file is valid, also those for operators", async () => {
    const folder = join(dir, version);
    await mkdir(folder);
    for (const { name, path } of matrix) {
      const { stdout } = await template(path, { kubeVersion: `${version}.0` });
      await writeFile(join(folder, `${name}.yaml`), stdout);
    }
    const { code, stdout, stderr } = await validate(folder);
    expect([code, (stdout + stderr).match(/\.\.\..*OK/g)?.length]).toEqual([0, matrix.length]);
  });

  test.each([
    ["an unknown key in a Deployment", { kind: "Deployment", apiVersion: "apps/v1", spec: { replica: 1 } }],
    [
      "an unknown key in a PodMonitor",
      { kind: "PodMonitor", apiVersion: "monitoring.coreos.com/v1", spec: { port: 1 } },
    ],
  ])("the check notices %s", async (what, manifest) => {
    const path = join(dir, `${what.replaceAll(" ", "-")}-${version}.yaml`);
    await writeFile(path, JSON.stringify({ metadata: { name: "a", namespace: "b" }, ...manifest }));
    expect(await validate(path)).toMatchObject({ code: 1 });
  });
});

test("the values in helm/README.md work", async () => {
  const { blocks } = readDocument("helm/README.md");
  const values = blocks.find(({ text }) => text.startsWith("# values.yaml\n"))?.text ?? "";
  const text = configOf(await render(parse(values) as object));
  const { problems } = parseConfig(text, "/etc/evertoken/config.yaml", {});
  expect(problems).toEqual([]);
});

test("the README of the chart is up to date; remedy: npm run generate:chart", async () => {
  expect(readChart("README.md")).toBe(await chartReadme());
});

test("the default values render golden/default.yaml; after a wanted change: vitest -u", async () => {
  const { stdout } = await template(`${CHART}ci/default-values.yaml`);
  await expect(stdout).toMatchFileSnapshot("golden/default.yaml");
});

test.each(helms)(
  "%s packages the chart without the files of its authors, far below the limit of 1 MiB",
  async (helm) => {
    const folder = join(dir, helm);
    await mkdir(folder);
    expect(await runTool(helm, ["package", CHART, "--destination", folder])).toMatchObject({ code: 0 });
    const [name = ""] = await readdir(folder);
    const { stdout } = await promisify(execFile)("tar", ["tzf", join(folder, name)]);
    expect(stdout).toContain("evertoken/files/runbooks/EvertokenDown.md\n");
    expect(stdout).not.toMatch(/\/ci\/|gotmpl|artifacthub-repo|golden/);
    expect((await stat(join(folder, name))).size).toBeLessThan(150_000);
  },
);

test("a cluster older than Kubernetes 1.29 is refused", async () => {
  const { stderr } = await template(`${CHART}ci/default-values.yaml`, { kubeVersion: "1.28.9" });
  expect(stderr).toContain("chart requires kubeVersion: >=1.29.0-0");
});
