import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loadConfig } from "../../src/config/config.ts";
import { parseConfig } from "../../src/config/parse.ts";
import { unreadable } from "../../src/config/read/text.ts";
import { formatProblems } from "../../src/config/report.ts";
import { complete } from "./fixture.ts";
import { makePipes } from "../fakes/pipe.ts";

const CANARY = "c4n4ry";
let dir = "";

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "evertoken-config-"));
});
afterAll(() => rmSync(dir, { recursive: true }));

/** The problems of a file with this content. */
function said(content: string | Buffer): Promise<string> {
  const file = join(dir, "c.yaml");
  writeFileSync(file, content);
  return saidOf(file);
}

async function saidOf(file: string): Promise<string> {
  const { config, problems, more } = await loadConfig(file, {});
  expect(config).toBeUndefined();
  return formatProblems(problems, more).trimEnd().replaceAll(`${dir}/`, "");
}

describe("a file that cannot be read gives one message", () => {
  test("when it is missing", async () => {
    expect(await saidOf(join(dir, "none.yaml"))).toBe(
      "none.yaml error  there is no such file; check --config or EVERTOKEN_CONFIG",
    );
  });

  test("when it is a directory", async () => {
    mkdirSync(join(dir, "folder"));
    expect(await saidOf(join(dir, "folder"))).toBe("folder error  this is a directory; name the file in it");
  });

  test("when it is below a file", async () => {
    writeFileSync(join(dir, "plain"), "");
    expect(await saidOf(join(dir, "plain/c.yaml"))).toBe(
      "plain/c.yaml error  the file cannot be read (ENOTDIR); check the path",
    );
  });

  test.for(["EACCES", "EPERM"])("when this user may not (%s)", (code) => {
    expect(unreadable(code)).toBe(`this user may not read the file (${code}); check its owner and mode`);
  });

  test("when it is larger than the limit, which it names", async () => {
    const file = join(dir, "large.yaml");
    writeFileSync(file, "");
    truncateSync(file, 100 * 1024 * 1024);
    expect(await saidOf(file)).toBe("large.yaml error  the file is larger than the limit of 64 MiB");
  });

  test("when it is a device or a pipe, without waiting for its other end", async () => {
    const pipe = join(dir, "pipe.yaml");
    await makePipes(pipe);
    for (const file of ["/dev/zero", pipe]) expect(await saidOf(file)).toContain("this is no regular file");
  });

  test.for([
    ["is not UTF-8", Buffer.of(0x61, 0xff, 0x62)],
    ["is UTF-16", Buffer.from("\uFEFFproviders: {}", "utf16le")],
    ["has a NUL in it", Buffer.from("providers: {}\0")],
  ] as const)("when it %s", async ([, content]) => {
    expect(await said(content)).toBe("c.yaml error  the file is not UTF-8 text; is it the right one?");
  });

  test.for(["", "\n\n", "# only a comment\n", "---\n"])("when it is empty: %j", async (content) => {
    expect(await said(content)).toBe(
      "c.yaml:1:1 error  the file is empty; see config.example.yaml for what belongs in it",
    );
  });

  test("but a byte order mark is no reason to refuse it", async () => {
    writeFileSync(join(dir, "bom.yaml"), `\uFEFF${complete("")}`);
    expect((await loadConfig(join(dir, "bom.yaml"), {})).problems).toEqual([]);
  });
});

/** No message shows the line: with broken syntax nobody knows which part is a secret. */
const broken: readonly { name: string; text: string; says: string }[] = [
  {
    name: "a text where a map should be",
    text: CANARY,
    says: "c.yaml:1:1 error  a map is expected",
  },
  {
    name: "a tab for indentation",
    text: `redis:\n\turl: ${CANARY}`,
    says: "c.yaml:2:1 error  a tab is used for indentation; YAML wants spaces",
  },
  {
    name: "a quote that is not closed",
    text: `redis: { url: "${CANARY} }`,
    says: "c.yaml:1:24 error  something is missing: a colon, a comma, a quote or a bracket",
  },
  {
    name: "a bracket that is not closed",
    text: `credentials: [{ id: ${CANARY}`,
    says: "c.yaml:1:27 error  the indentation does not fit the lines around it, or an earlier bracket is not closed",
  },
  {
    name: "a key without a colon",
    text: `redis:\n  url: x\n  ${CANARY}\nhttp: {}`,
    says: "c.yaml:3:3 error  something is missing: a colon, a comma, a quote or a bracket",
  },
  {
    name: "a key with two values",
    text: `redis: x: ${CANARY}`,
    says: "c.yaml:1:8 error  a nested map must begin on a line of its own",
  },
  {
    name: "an indentation that fits nothing",
    text: `log:\n    level: info\n  format: ${CANARY}`,
    says: "c.yaml:3:1 error  the indentation does not fit the lines around it, or an earlier bracket is not closed",
  },
  {
    name: "the same key twice",
    text: `log: { level: info, level: ${CANARY} }`,
    says: "c.yaml:1:21 error  this key appears twice",
  },
  {
    name: "the same key twice in JSON",
    text: `{ "log": { "level": "info", "level": "${CANARY}" } }`,
    says: "c.yaml:1:29 error  this key appears twice",
  },
  {
    name: "two documents",
    text: `log: {}\n---\nlog: { level: ${CANARY} }`,
    says: "c.yaml:2:1 error  this file has more than one document (---); leave only one",
  },
  {
    name: "an unknown directive",
    text: `%${CANARY}\nlog: {}`,
    says: "c.yaml:2:1 error  something is missing: a colon, a comma, a quote or a bracket",
  },
  {
    name: "an unknown escape",
    text: `dataDir: "C:\\${CANARY}"`,
    says: `c.yaml:1:13 error  a backslash in a "..." text that YAML does not know; write \\\\ for a backslash`,
  },
  {
    name: "a character that begins no value",
    text: `redis: { url: @${CANARY} }`,
    says: "c.yaml:1:15 error  this value must be quoted",
  },
  {
    name: "a variable in a map in braces",
    text: `log: { level: \${LEVEL} } # ${CANARY}`,
    says: "c.yaml:1:16 error  this does not belong here; check quotes, brackets and indentation; put ${...} in quotes",
  },
  {
    name: "an alias without an anchor",
    text: `redis: *${CANARY}`,
    says: "c.yaml:1:8 error  this alias (*name) has no anchor (&name) before it",
  },
  {
    name: "an alias before its anchor",
    text: `log: *later\nhttp: &later { listen: ${CANARY} }`,
    says: "c.yaml:1:6 error  this alias (*name) has no anchor (&name) before it",
  },
  {
    name: "an alias to the map that it stands in",
    text: `log: &log { level: *log }`,
    says:
      "c.yaml:1:20 error  aliases (*name) expand without end, or to more than 10 million values; " +
      "write the values out",
  },
  {
    name: "JSON with a trailing bracket too many",
    text: `{ "log": { "level": "${CANARY}" } } }`,
    says: "c.yaml:1:34 error  this does not belong here; check quotes, brackets and indentation",
  },
];

describe("a file with broken syntax is reported with its place, and shows nothing", () => {
  test.for(broken)("$name", async ({ text, says }) => {
    const report = await said(text);
    expect(report).toBe(says);
    expect(report).not.toContain(CANARY);
  });
});

describe("a file that would fill the memory", () => {
  test("by aliases of aliases is refused at once", async () => {
    const lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"];
    for (let i = 1; i < 10; i++)
      lines.push(
        `a${i}: &a${i} [${Array<string>(10)
          .fill(`*a${i - 1}`)
          .join(", ")}]`,
      );
    const before = performance.now();
    expect(await said(lines.join("\n"))).toBe(
      "c.yaml:2:10 error  aliases (*name) expand without end, or to more than 10 million values; write the values out",
    );
    expect(performance.now() - before).toBeLessThan(5000);
  }, 60_000);

  test.for([
    ["lists", `log: ${"[".repeat(100_000)}`],
    ["closed lists", `log: ${"[".repeat(20_000)}${"]".repeat(20_000)}`],
    ["JSON lists", `{"log":${"[".repeat(20_000)}${"]".repeat(20_000)}}`],
  ] as const)("or the stack, by nested %s, is refused", { timeout: 60_000 }, async ([, text]) => {
    expect(await said(text)).toMatch(/^c\.yaml:\d+:\d+ error {2}/);
  });

  test("is not a file that uses an anchor two thousand times", () => {
    const one = (i: number): string =>
      `  - { id: a${i}, provider: p, clientId: x, clientSecret: *s, publish: [{ store: s, secret: a${i} }] }`;
    const first =
      "  - { id: b, provider: p, clientId: x, clientSecret: &s { env: A }, publish: [{ store: s, secret: b }] }";
    const text = ["credentials:", first, ...Array.from({ length: 2000 }, (_, i) => one(i))].join("\n");
    const { config, problems } = parseConfig(complete(text), "c.yaml", {});
    expect(problems).toEqual([]);
    expect(config?.credentials).toHaveLength(2001);
    expect(config?.credentials.at(-1)?.clientSecrets).toEqual([{ env: "A" }]);
  }, 60_000);
});

describe("many mistakes", () => {
  test("are printed up to fifty, then counted", () => {
    const text = Array.from({ length: 60 }, (_, i) => `wrong${i}: x`).join("\n");
    const { problems, more } = parseConfig(complete(text), "c.yaml", {});
    const lines = formatProblems(problems, more).trimEnd().split("\n");
    expect(lines.filter((line) => line.includes("unknown key"))).toHaveLength(50);
    expect(lines.at(-1)).toBe("... and 10 more");
  });

  test("come in the order of the file, whichever check found them", () => {
    const { problems } = parseConfig(
      complete("log: { level: '${NONE}', format: x }\nhttp: { listen: y }\nlgo: {}"),
      "c.yaml",
      {},
    );
    expect(problems.map(({ line, column }) => [line, column])).toEqual([
      [1, 15],
      [1, 34],
      [2, 17],
      [3, 1],
    ]);
  });
});
