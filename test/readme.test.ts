import { readFile } from "node:fs/promises";
import { parseAllDocuments } from "yaml";
import { describe, expect, test } from "vitest";
import { parseConfig } from "../src/config/parse.ts";
import { makeMetrics } from "../src/observe/metrics.ts";
import { makeSite } from "./fakes/daemon.ts";

const root = new URL("../", import.meta.url);
const readme = await readFile(new URL("README.md", root), "utf8");
const blocks = [...readme.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)].map(([, language = "", text = ""]) => ({
  language,
  text,
}));
const of = (language: string): string[] =>
  blocks.filter((block) => block.language === language).map((block) => block.text);

describe("the README", () => {
  test.each(of("yaml"))("has YAML that parses: %#", (text) => {
    for (const document of parseAllDocuments(text)) expect(document.errors).toEqual([]);
    if (!/^providers:/m.test(text)) return;
    const { problems } = parseConfig(text, "README.yaml", {});
    expect(problems.filter((problem) => problem.severity === "error")).toEqual([]);
  });

  test("names npm scripts that exist", async () => {
    const { scripts } = JSON.parse(await readFile(new URL("package.json", root), "utf8")) as {
      scripts: Record<string, string>;
    };
    const named = [...readme.matchAll(/npm run ([\w:]+)/g)].map(([, name = ""]) => name);
    expect(named.length).toBeGreaterThan(2);
    for (const name of named) expect(Object.keys(scripts)).toContain(name);
    expect(scripts["test"]).toBeDefined();
  });

  test("has commands that work: each line of its shell blocks that starts the program is run", async () => {
    await using site = await makeSite();
    const first = of("yaml")[0] ?? "";
    await site.write("evertoken.yaml", `http: { listen: "127.0.0.1:0" }\n${first}`);
    await site.write("acme-secret", "s3cret");
    const commands = of("sh")
      .flatMap((text) => text.split("\n"))
      .filter((line) => line.startsWith("node src/main.ts"));
    expect(commands.length).toBeGreaterThan(3);
    for (const command of commands) {
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

  test("names metrics that exist", async () => {
    const text = await makeMetrics({ version: "0", nodeVersion: "0" }).exposition();
    const named = [...readme.matchAll(/evertoken_([a-z_]+)\{/g)].map(([, name = ""]) => name);
    expect(named.length).toBeGreaterThan(1);
    for (const name of named) expect(text).toContain(`# TYPE evertoken_${name} `);
  });

  test("names files that exist", async () => {
    const named = [...readme.matchAll(/`((?:src|test)\/[\w./-]+\.(?:ts|json))`|\]\(((?:src|config)[\w./-]+)\)/g)].map(
      ([, a, b]) => a ?? b ?? "",
    );
    expect(named.length).toBeGreaterThan(10);
    for (const name of new Set(named)) await expect(readFile(new URL(name, root)), name).resolves.toBeDefined();
  });
});
