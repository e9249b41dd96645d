import { mkdirSync, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { HEAD, makeFolder } from "../folder.ts";

const NEEDED = `provider: p, clientId: x, clientSecret: { file: "{id}" }`;
const TEMPLATE = `templates: { t: { ${NEEDED}, publish: [{ store: local, secret: "{id}" }] } }\n`;
const MAIN = `${HEAD.replace(/ {2}aws.*\n {2}gcp.*\n/, "")}${TEMPLATE}`;

function account(id: string): string {
  return `{ "id": "${id}", "template": "t" }`;
}

async function idsOf(files: Readonly<Record<string, string>>, env = {}): Promise<string[]> {
  using folder = makeFolder(files);
  return (await folder.accepted(env)).credentials.map(({ id }) => id);
}

async function said(files: Readonly<Record<string, string>>, env = {}): Promise<string[]> {
  using folder = makeFolder(files);
  return await folder.report(env);
}

describe("include reads more credentials", () => {
  test("from YAML, JSON and NDJSON, as a list or as a map with credentials, after those of the main file", async () => {
    expect(
      await idsOf({
        "c.yaml": `${MAIN}include: ["accounts/*"]\ncredentials: [${account("main")}]`,
        "accounts/1.yaml": `- ${account("yaml-list")}\n`,
        "accounts/2.yml": `credentials:\n  - ${account("yaml-map")}\n`,
        "accounts/3.json": `[${account("json-list")}]`,
        "accounts/4.json": `{ "credentials": [${account("json-map")}] }`,
        "accounts/5.ndjson": `${account("line-1")}\n\n${account("line-2")}\n`,
        "accounts/6.jsonl": account("line-3"),
        "accounts/README.md": "not a configuration",
        "accounts/.hidden.yaml": `- ${account("hidden")}\n`,
        "accounts/more/7.yaml": `- ${account("deeper")}\n`,
      }),
    ).toEqual(["main", "yaml-list", "yaml-map", "json-list", "json-map", "line-1", "line-2", "line-3"]);
  });

  test.each([
    ["one pattern", "include: a/1.yaml", ["1"]],
    ["the patterns in their order, the files of each by name", "include: [b/*.yaml, a/*.yaml]", ["3", "1", "2"]],
    ["a file once, whatever matches it", `include: [a/2.yaml, "*/*.yaml", ./a/../a/1.yaml]`, ["2", "1", "3"]],
    ["a folder", "include: a", ["1", "2"]],
    ["a folder with a slash", "include: a/", ["1", "2"]],
    ["folders below folders", `include: "**/*.yaml"`, ["1", "2", "3", "4"]],
    ["everything below a folder", `include: "d/**"`, ["4"]],
    ["names of a choice", `include: "{a,b}/[13].yaml"`, ["1", "3"]],
    ["names by their length", `include: "?/?.yaml"`, ["1", "2", "3"]],
  ])("by %s", async (_, include, ids) => {
    expect(
      await idsOf({
        "c.yaml": `${MAIN}${include}`,
        "a/1.yaml": `- ${account("1")}`,
        "a/2.yaml": `- ${account("2")}`,
        "b/3.yaml": `- ${account("3")}`,
        "d/e/4.yaml": `- ${account("4")}`,
      }),
    ).toEqual(ids);
  });

  test("never the main file itself, and none from an empty list of patterns", async () => {
    expect(await idsOf({ "c.yaml": `${MAIN}include: ["*.yaml"]`, "d.yaml": `- ${account("d")}` })).toEqual(["d"]);
    expect(await said({ "c.yaml": `${MAIN}include: []` })).toEqual([
      "c.yaml:1:1 warning  there is no credential: nothing will be done",
      expect.anything(),
    ]);
  });

  test("by a pattern with a variable, and with variables in the files", async () => {
    expect(
      await idsOf(
        { "c.yaml": `${MAIN}include: "\${REGION}/*.yaml"`, "eu/a.yaml": `- ${account("${NAME:-acme}")}` },
        { REGION: "eu" },
      ),
    ).toEqual(["acme"]);
  });

  test("with paths that are relative to the file that holds them", async () => {
    using folder = makeFolder({
      "c.yaml": `${MAIN}include: accounts/*`,
      "accounts/a.yaml": `- { id: own, template: t, clientSecret: { file: secret } }\n- { id: shared, template: t }\n`,
    });
    const { credentials } = await folder.accepted();
    expect(credentials.map(({ clientSecrets }) => clientSecrets)).toEqual([
      [{ file: join(folder.dir, "accounts/secret") }],
      [{ file: join(folder.dir, "shared") }],
    ]);
  });

  test("and lists every file with the hash of its content, and the folders to watch", async () => {
    using folder = makeFolder({
      "c.yaml": `${MAIN}include: ["accounts/*/*.yaml"]`,
      "accounts/eu/a.yaml": `- ${account("a")}`,
      "accounts/us/b.yaml": `- ${account("b")}`,
    });
    const before = await folder.load();
    expect(before.files.map(({ file }) => file)).toEqual(
      ["c.yaml", "accounts/eu/a.yaml", "accounts/us/b.yaml"].map((name) => join(folder.dir, name)),
    );
    expect(new Set(before.watched)).toEqual(
      new Set(["", "accounts", "accounts/eu", "accounts/us"].map((name) => join(folder.dir, name))),
    );
    folder.write("accounts/us/b.yaml", `- ${account("c")}`);
    const after = await folder.load();
    expect(after.files.map(({ hash }, i) => hash === before.files[i]?.hash)).toEqual([true, true, false]);
  });

  test("and lists them for a wrong file too, so that its correction is noticed", async () => {
    using folder = makeFolder({ "c.yaml": `${MAIN}include: ["accounts/*"]`, "accounts/a.yaml": "- {" });
    const { config, files, watched } = await folder.load();
    expect(config).toBeUndefined();
    expect(files).toHaveLength(2);
    expect(watched).toContain(join(folder.dir, "accounts"));
  });
});

/** Mounts like the kubelet: the files are links into `..data`, which is a link to a folder of this version. */
function mount(dir: string, version: string, files: Readonly<Record<string, string>>): void {
  mkdirSync(join(dir, version), { recursive: true });
  for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, version, name), text);
  symlinkSync(version, join(dir, "..data_tmp"));
  renameSync(join(dir, "..data_tmp"), join(dir, "..data"));
  for (const name of Object.keys(files)) {
    rmSync(join(dir, name), { force: true });
    symlinkSync(join("..data", name), join(dir, name));
  }
}

describe("a folder that Kubernetes mounts", () => {
  test.each(["mounted", "mounted/*.yaml", "**/*.yaml", "mounted/**"])("is read once by %s", async (pattern) => {
    using folder = makeFolder({ "c.yaml": `${MAIN}include: "${pattern}"` });
    const dir = join(folder.dir, "mounted");
    mount(dir, "..2026_11_25", { "a.yaml": `- ${account("a")}`, "b.yaml": `- ${account("b")}` });
    expect((await folder.accepted()).credentials.map(({ id }) => id)).toEqual(["a", "b"]);
    mount(dir, "..2026_11_26", { "a.yaml": `- ${account("c")}`, "b.yaml": `- ${account("d")}` });
    expect((await folder.accepted()).credentials.map(({ id }) => id)).toEqual(["c", "d"]);
  });

  test("is never read half before and half after a swap", async () => {
    using folder = makeFolder({ "c.yaml": `${MAIN}include: mounted` });
    const dir = join(folder.dir, "mounted");
    const version = (n: number): Record<string, string> =>
      Object.fromEntries(Array.from({ length: 8 }, (_, i) => [`${i}.yaml`, `- ${account(`v${n}-${i}`)}`]));
    mount(dir, "..v0", version(0));
    for (let n = 1; n <= 20; n++) {
      const loading = folder.accepted();
      await new Promise(setImmediate);
      mount(dir, `..v${n}`, version(n));
      const { credentials } = await loading;
      const versions = new Set(credentials.map(({ id }) => id.split("-")[0]));
      expect([credentials.length, versions.size]).toEqual([8, 1]);
    }
  });

  test("with a link that leads nowhere is read without the link", async () => {
    using folder = makeFolder({ "c.yaml": `${MAIN}include: a`, "a/a.yaml": `- ${account("a")}` });
    symlinkSync("nowhere", join(folder.dir, "a/b.yaml"));
    expect((await folder.accepted()).credentials).toHaveLength(1);
    unlinkSync(join(folder.dir, "a/b.yaml"));
  });
});

describe("an include is refused", () => {
  test("when it matches nothing, with the whole pattern", async () => {
    using folder = makeFolder({ "c.yaml": `${MAIN}include: [accounts/*.yaml, c.yml]` });
    const { problems } = await folder.load();
    expect(problems.map(({ message }) => message)).toEqual([
      `no file matches ${folder.dir}/accounts/*.yaml (YAML, JSON or NDJSON)`,
      `no file matches ${folder.dir}/c.yml (YAML, JSON or NDJSON)`,
    ]);
    expect(problems.map(({ line, column }) => [line, column])).toEqual([
      [5, 11],
      [5, 28],
    ]);
  });

  test.each([
    [
      "a text",
      "hello",
      "a.yaml:1:1 error  an included file must be a list of credentials, or a map with a list under credentials:",
    ],
    [
      "a map without credentials",
      "providers: {}",
      "a.yaml:1:1 error  an included file must be a list of credentials, or a map with a list under credentials:",
    ],
    [
      "something beside the credentials",
      "credentials: []\nstores: {}",
      "a.yaml:2:1 error  an included file may have no key but credentials; everything else belongs in the main file",
    ],
    ["a tab", "credentials:\n\t- a", "a.yaml:2:1 error  a tab is used for indentation; YAML wants spaces"],
    [
      "a variable that is not set",
      '- id: "${NONE}"\n  template: t',
      "a.yaml:1:7 error  environment variable NONE is not set; ",
    ],
    [
      "a mistyped key",
      `- { id: a, tenplate: t }`,
      `a.yaml:1:12 error  unknown key "tenplate"; known keys: id, template, `,
    ],
  ])("when a file has %s, with file and line", async (_, text, message) => {
    const lines = await said({ "c.yaml": `${MAIN}include: a.yaml`, "a.yaml": text });
    expect(
      lines.some((line) => line.startsWith(message)),
      lines.join("\n"),
    ).toBe(true);
  });

  test("when a file is not text", async () => {
    expect(await said({ "c.yaml": `${MAIN}include: a.yaml`, "a.yaml": "\0" })).toEqual([
      "a.yaml error  the file is not UTF-8 text; is it the right one?",
    ]);
  });

  test.each([
    [
      "is cut off",
      `${account("a")}\n{ "id": "b", "templ`,
      "a.ndjson:2:20 error  the line ends in the middle of its JSON; was the file cut off, " +
        "or is it still being written?",
    ],
    [
      "is cut off in the middle of the file",
      `{ "id": "b",\n${account("a")}`,
      "a.ndjson:1:13 error  the line ends in the middle of its JSON; was the file cut off, " +
        "or is it still being written?",
    ],
    [
      "is no JSON",
      `${account("a")}\n{ id: b }`,
      "a.ndjson:2:3 error  this is not JSON; in NDJSON every line is one credential: { ... }",
    ],
    ["has a key twice", `\n{ "id": "a", "id": "b", "template": "t" }`, "a.ndjson:2:14 error  this key appears twice"],
    ["is no map", `\n5`, "a.ndjson:2:1 error  a map is expected"],
  ])("when a line of NDJSON %s, with file and line", async (_, text, message) => {
    expect((await said({ "c.yaml": `${MAIN}include: a.ndjson`, "a.ndjson": text }))[0]).toBe(message);
  });

  test("when a credential in a line of NDJSON is wrong, with its column and its line", async () => {
    expect(
      await said({
        "c.yaml": `${MAIN}include: a.ndjson`,
        "a.ndjson": `${account("a")}\n\n{ "id": "b", "template": "u", "clientSecret": { "env": "X" } }`,
      }),
    ).toEqual([
      'a.ndjson:3:26 error  there is no template "u"; configured: t   (did you mean "t"?)',
      '    3 | { "id": "b", "template": "u", "clientSecret": ...',
    ]);
  });

  test("when two files have the same id or publish to the same secret, with both places", async () => {
    const lines = await said({
      "c.yaml": `${MAIN}include: [a.yaml, b.ndjson]\ncredentials: [${account("c")}]`,
      "a.yaml": `- ${account("a")}
- { id: b, template: t, publish: [{ store: local, secret: d }] }
- ${account("c")}
`,
      "b.ndjson": `${account("d")}\n${account("a")}\n`,
    });
    expect(lines.filter((line) => line.includes(" error "))).toEqual([
      'a.yaml:3:3 error  two targets publish to the secret "c"; each needs a secret of its own (first at c.yaml:6)',
      'a.yaml:3:11 error  the id "c" is used twice (first at c.yaml:6)',
      'b.ndjson:1:1 error  two targets publish to the secret "d"; each needs a secret of its own (first at a.yaml:2)',
      'b.ndjson:2:1 error  two targets publish to the secret "a"; each needs a secret of its own (first at a.yaml:1)',
      'b.ndjson:2:9 error  the id "a" is used twice (first at a.yaml:1)',
    ]);
  });

  test("with at most fifty mistakes, in order, and a count of the others", async () => {
    const wrong = Array.from({ length: 3000 }, (_, i) => `{ "id": "a${i}", "template": "t", "scope": 5 }`);
    const lines = await said({ "c.yaml": `${MAIN}include: a.ndjson`, "a.ndjson": wrong.join("\n") });
    const errors = lines.filter((line) => line.includes(" error "));
    expect(errors).toHaveLength(50);
    expect(errors[49]).toMatch(/^a\.ndjson:50:\d+ error {2}a text is expected/);
    expect(lines.at(-1)).toBe("... and 2950 more");
  });
});
