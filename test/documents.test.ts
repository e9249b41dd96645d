import { existsSync, statSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { parseAllDocuments } from "yaml";
import { describe, expect, test } from "vitest";
import { parseConfig } from "../src/config/parse.ts";
import { CREDENTIAL_STATES } from "../src/core/states.ts";
import { makeMetrics } from "../src/observe/metrics.ts";
import { keysOf } from "../src/queue/keys.ts";
import { scripts } from "../src/queue/scripts/index.ts";
import { type Document, commandsOf, readDocument, readDocuments, sectionOf } from "./documents.ts";
import { makeSite } from "./fakes/daemon.ts";

const ROOT = new URL("../", import.meta.url).pathname;
const documents = readDocuments();
const each = documents.map((document): [string, Document] => [document.path, document]);
const readme = readDocument("README.md");

function blocksOf(language: string): [string, string][] {
  return documents.flatMap(({ path, blocks }) =>
    blocks.filter((block) => block.language === language).map(({ text }): [string, string] => [path, text]),
  );
}

/** As GitHub makes them of headings. */
function anchorsOf({ prose }: Document): string[] {
  return [...prose.matchAll(/^#+ (.+)$/gm)].map(([, title = ""]) =>
    title
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-"),
  );
}

describe("the shape of the documents", () => {
  test.each(each)("%s has lines of at most 120 columns", (_path, { text }) => {
    expect(text.split("\n").filter((line) => line.length > 120)).toEqual([]);
  });

  test("the README, which is the door, has at most 220 lines", () => {
    expect(readme.text.split("\n").length).toBeLessThanOrEqual(220);
  });

  test.each(each.filter(([path]) => path.endsWith("README.md")))(
    "%s begins with its title and a paragraph that says what a reader finds there",
    (_path, { text }) => {
      expect(text).toMatch(/^# .+\n\n[^#|`*]/);
    },
  );

  test("every document can be reached from the README", () => {
    const reached = new Set<string>();
    const open = ["README.md"];
    for (const path of open) {
      if (reached.has(path)) continue;
      reached.add(path);
      const document = documents.find((known) => known.path === path);
      if (document !== undefined) open.push(...linksOf(document).map(({ file }) => file));
    }
    const apart = /^helm\/files\/runbooks\/Evertoken|^test\/fakes\/tls\//; // the former are reached from their alerts
    const unreached = documents.map(({ path }) => path).filter((path) => !reached.has(path) && !apart.test(path));
    expect(unreached).toEqual([]);
  });
});

/** Links to files of the repository and to anchors, as paths from its root. */
function linksOf({ path, prose }: Document): { readonly file: string; readonly anchor: string | undefined }[] {
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target = ""]) => target)
    .filter((target) => !/^https?:/.test(target))
    .map((target) => {
      const [file = "", anchor] = target.split("#");
      return { file: file === "" ? path : join(dirname(path), file), anchor };
    });
}

describe("what the documents point to", () => {
  test.each(each)("the links of %s lead to files and headings that exist", (_path, document) => {
    for (const { file, anchor } of linksOf(document)) {
      expect([file, existsSync(join(ROOT, file))]).toEqual([file, true]);
      if (anchor === undefined) continue;
      expect(documents.find(({ path }) => path === file.replace(/\/$/, "/README.md"))).toBeDefined();
      expect([file, anchorsOf(readDocument(file))]).toEqual([file, expect.arrayContaining([anchor])]);
    }
  });

  test.each(each)("the paths in %s exist", (_path, { prose }) => {
    const named = [...prose.matchAll(/`((?:src|test|helm|\.ci|\.github)\/[\w./-]*)`/g)].map(([, name = ""]) => name);
    expect(named.filter((name) => !existsSync(join(ROOT, name)))).toEqual([]);
  });

  test.each(each.filter(([path]) => path.startsWith("src/")))(
    "so do the names of files and folders beside %s",
    (path, { prose }) => {
      const named = [...prose.matchAll(/`((?!src\/|test\/|helm\/)[\w-]+(?:\/[\w-]+)*(?:\/|\.ts))`/g)].map(
        ([, name = ""]) => name,
      );
      const missing = named.filter((name) => {
        const file = join(ROOT, dirname(path), name);
        return !existsSync(file) || statSync(file).isDirectory() !== name.endsWith("/");
      });
      expect(missing).toEqual([]);
    },
  );

  test("npm scripts that exist", async () => {
    const { scripts } = JSON.parse(await readFile(join(ROOT, "package.json"), "utf8")) as {
      scripts: Record<string, string>;
    };
    const named = documents.flatMap(({ text }) => [...text.matchAll(/npm run ([\w:]+)/g)].map(([, name = ""]) => name));
    expect(new Set(named).size).toBeGreaterThan(5);
    for (const name of named) expect(Object.keys(scripts)).toContain(name);
    expect(scripts["test"]).toBeDefined();
  });

  test("metrics that exist", async () => {
    const text = await makeMetrics({ version: "0", nodeVersion: "0" }).exposition();
    const named = documents.flatMap(({ text: all }) =>
      [...all.matchAll(/(?<![\w:])evertoken_([a-z_]+)(?=[{`"[)\s])/g)].map(([, name = ""]) => name),
    );
    expect(new Set(named).size).toBeGreaterThan(10);
    const families = new Set([...text.matchAll(/^# TYPE evertoken_(\w+) /gm)].map(([, name]) => name));
    const known = (name: string): boolean =>
      families.has(name) || families.has(name.replace(/_(?:bucket|sum|count)$/, "")) || PER_CREDENTIAL.test(name);
    expect([...new Set(named)].filter((name) => !known(name))).toEqual([]);
  });
});

/** Rendered apart from the others; see observe/documented.test.ts. */
const PER_CREDENTIAL = /^credential_(?:expiration|next_refresh|unhealthy)/;

describe("what the documents show", () => {
  test.each(blocksOf("yaml"))("YAML of %s parses, and a configuration is accepted", (path, text) => {
    for (const document of parseAllDocuments(text)) expect(document.errors).toEqual([]);
    if (!/^providers:/m.test(text)) return;
    const { problems } = parseConfig(text, path, {});
    expect(problems.filter((problem) => problem.severity === "error")).toEqual([]);
  });

  test.each(blocksOf("json"))("JSON of %s parses", (_path, text) => {
    expect(JSON.parse(text)).toBeInstanceOf(Object);
  });

  test("commands that work: each line of a shell block that starts the program is run", async () => {
    await using site = await makeSite();
    const first = readme.blocks.find(({ language }) => language === "yaml")?.text ?? "";
    await site.write("evertoken.yaml", `http: { listen: "127.0.0.1:0" }\n${first}`);
    await site.write("acme-secret", "s3cret");
    const commands = documents.flatMap(commandsOf).filter((line) => line.startsWith("node src/main.ts"));
    expect(commands.length).toBeGreaterThan(3);
    for (const command of new Set(commands)) {
      const args = command
        .split(" ")
        .slice(2)
        .map((arg) => (arg === "evertoken.yaml" ? site.path(arg) : arg));
      if (args[0] === "run") {
        await site.write("config.yaml", await readFile(site.path("evertoken.yaml"), "utf8"));
        const daemon = await site.start();
        daemon.signal("SIGTERM");
        expect(await daemon.exited).toBe(0);
      } else {
        expect(await site.run(args)).toMatchObject({ code: 0 });
      }
    }
  }, 180_000);
});

describe("src/README.md", () => {
  const house = readDocument("src/README.md");

  test("lists the states of a credential in the order in which they are shown, and draws them", () => {
    const section = sectionOf(house, "The states of a credential");
    const listed = [...section.matchAll(/^\* `(\w+)`: /gm)].map(([, state]) => state);
    expect(listed).toEqual(CREDENTIAL_STATES);
    expect(CREDENTIAL_STATES.filter((state) => !section.includes(state))).toEqual([]);
  });

  test("names every script and every key of a provider in Redis", () => {
    const { tag: _, sealed, ...keys } = keysOf("p", "q");
    const names = [...Object.values(keys), sealed("ID")].map((key) => key.slice("{p:q}:".length));
    const section = sectionOf(house, "Redis, and who may write there");
    const named = new Set([...section.matchAll(/`([\w:-]+)`/g)].map(([, name]) => name));
    expect([...names, ...scripts.map(({ name }) => name)].filter((name) => !named.has(name))).toEqual([]);
  });
});
