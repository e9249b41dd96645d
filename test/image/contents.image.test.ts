import { readFileSync, readdirSync } from "node:fs";
import { expect, test } from "vitest";
import { ask, base, image, imageOfNode26, inspect, podman } from "./container.ts";

const root = new URL("../../", import.meta.url);
const { version } = JSON.parse(readFileSync(new URL("package.json", root), "utf8")) as {
  version: string;
};

interface Inspected {
  readonly Size: number;
  readonly Config: {
    readonly User: string;
    readonly Env: readonly string[];
    readonly Entrypoint: readonly string[];
    readonly Cmd: readonly string[];
    readonly Labels: Readonly<Record<string, string>>;
    readonly Healthcheck?: { readonly Test: readonly string[] };
  };
  readonly Healthcheck?: { readonly Test: readonly string[] };
}

/**
 * A script for the Node of the image: prints the paths below a folder whose entry fulfils `keep`, a condition in JS.
 */
const walk = (from: string, keep: string): string => `
  import { lstatSync, readdirSync } from "node:fs";
  const out = [];
  (function visit(dir) {
    for (const name of readdirSync(dir)) {
      const path = dir === "/" ? "/" + name : dir + "/" + name;
      if (/^\\/(proc|sys|dev)$/.test(path)) continue;
      const { mode, uid, gid, size } = lstatSync(path);
      const kind = mode & 0o170000;
      const entry = { path, uid, gid, size, mode: mode & 0o7777, dir: kind === 0o040000, link: kind === 0o120000 };
      if (${keep}) out.push(entry.path);
      if (entry.dir) { try { visit(path); } catch (error) { if (error.code !== "EACCES") throw error; } }
    }
  })(${JSON.stringify(from)});
  console.log(JSON.stringify(out.toSorted()));`;

test("the image holds the program as it is in the repository, without its documents, and nothing else", async () => {
  const files = await ask<string[]>(image, walk("/app/src", "!entry.dir"));
  const source = readdirSync(new URL("src", root), { recursive: true, encoding: "utf8", withFileTypes: true });
  const expected = source
    .filter((each) => each.isFile() && !each.name.endsWith(".md"))
    .map((each) => `${each.parentPath}/${each.name}`);
  const srcPath = new URL("src", root).pathname;
  expect(files).toEqual(expected.map((path) => path.replace(srcPath, "/app/src")).toSorted());
  const top = await ask<string[]>(
    image,
    `import { readdirSync } from "node:fs"; console.log(JSON.stringify(readdirSync("/app").toSorted()));`,
  );
  expect(top).toEqual(["compile-cache", "node_modules", "package.json", "src"]);
});

test("all packages of the lock file are installed, but for development dependencies", async () => {
  const { packages } = JSON.parse(readFileSync(new URL("package-lock.json", root), "utf8")) as {
    packages: Record<string, { dev?: true; optional?: true; devOptional?: true }>;
  };
  const locked = Object.entries(packages).filter(([path]) => path !== "");
  const script = `import { existsSync } from "node:fs";
    const paths = ${JSON.stringify(locked.map(([path]) => path))};
    console.log(JSON.stringify(paths.filter((path) => existsSync("/app/" + path))));`;
  const found = new Set(await ask<string[]>(image, script));
  expect(locked.filter(([path, { dev }]) => dev && found.has(path))).toEqual([]);
  // Optional packages are for other platforms.
  const wanted = locked.filter(([, { dev, optional, devOptional }]) => !dev && !optional && !devOptional);
  expect(wanted.filter(([path]) => !found.has(path))).toEqual([]);
  expect(wanted.length).toBeGreaterThan(100);
});

test("no test, source map, declaration, key or configuration is among its files", async () => {
  const endings = String.raw`\.(test\.[cm]?[jt]s|map|d\.[cm]?ts|pem|key|p12|env)$`;
  const names = String.raw`\/(tests?|__tests__|\.env.*|\.npmrc|\.git|config\.ya?ml)$`;
  const suspicious = `/${endings}|${names}/.test(path)`;
  expect(await ask<string[]>(image, walk("/app", suspicious))).toEqual([]);
});

test("root owns every file, and the user of the program can write none", async () => {
  expect(await ask<string[]>(image, walk("/app", "entry.uid !== 0 || entry.gid !== 0"))).toEqual([]);
  const writable = "!entry.link && !(entry.mode & 0o1000) && ((entry.mode & 0o002) || uid === 65532 || gid === 65532)";
  expect(await ask<string[]>(image, walk("/", writable))).toEqual([]);
});

test("no file is setuid or setgid", async () => {
  expect(await ask<string[]>(image, walk("/app", "entry.mode & 0o6000"))).toEqual([]);
});

test.each([
  ["24", image],
  ["26", imageOfNode26],
])("Node %s starts with code that the build has compiled", async (_version, of) => {
  const script = `import { spawnSync } from "node:child_process";
    const env = { ...process.env, NODE_DEBUG_NATIVE: "COMPILE_CACHE" };
    const { stdout, stderr } = spawnSync("evertoken", ["--version"], { env, encoding: "utf8" });
    const lines = (stdout + stderr).split("\\n").filter((line) => line.includes("/app/src/"));
    console.log(JSON.stringify({
      accepted: lines.filter((line) => line.includes("was accepted")).length,
      rejected: lines.filter((line) => /was rejected|does not exist/.test(line)),
    }));`;
  const { accepted, rejected } = await ask<{ accepted: number; rejected: string[] }>(of, script);
  expect(rejected).toEqual([]);
  expect(accepted).toBeGreaterThan(2);
});

test("the image adds at most 250 MB to its base", async () => {
  const [whole, below] = [await inspect<Inspected>(image), await inspect<Inspected>(base)];
  expect(whole.Size - below.Size).toBeLessThanOrEqual(250_000_000);
  expect(whole.Size - below.Size).toBeGreaterThan(0);
});

test("the image starts the program itself, as user 65532, and declares that", async () => {
  const { Config, Healthcheck } = await inspect<Inspected>(image);
  expect(Config).toMatchObject({ User: "65532:65532", Cmd: ["run"] });
  expect(Config.Entrypoint).toEqual(["node", "--disable-sigusr1", "--report-exclude-env", "/app/src/main.ts"]);
  expect((Healthcheck ?? Config.Healthcheck)?.Test).toEqual(["CMD", "evertoken", "healthcheck"]);
  const names = Config.Env.map((each) => each.split("=")[0] ?? "").toSorted();
  expect(names).toEqual([
    "EVERTOKEN_CONFIG",
    "MALLOC_ARENA_MAX",
    "MALLOC_TRIM_THRESHOLD_",
    "NODE_COMPILE_CACHE",
    "NODE_ENV",
    "NODE_EXTRA_CA_CERTS", // from the base image that .ci/image makes
    "PATH",
  ]);
});

test("its labels name the version and the commit of the build", async () => {
  const { Labels } = (await inspect<Inspected>(image)).Config;
  expect(Labels).toMatchObject({
    "org.opencontainers.image.title": "evertoken",
    "org.opencontainers.image.version": version,
    "org.opencontainers.image.revision": expect.stringMatching(/^[0-9a-f]{40}$/) as unknown,
    "org.opencontainers.image.created": expect.stringMatching(/^\d{4}-\d\d-\d\dT/) as unknown,
  });
});

test("its history shows no secret", async () => {
  const { stdout } = await podman("history", "--no-trunc", "--format", "{{.CreatedBy}}", image);
  expect(stdout).toContain("compile-cache");
  expect(stdout).not.toMatch(/_authToken|password|secret_|AKIA/i);
});
