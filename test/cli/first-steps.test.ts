import { spawnSync } from "node:child_process";
import { readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { commands } from "../../src/cli/commands/index.ts";
import { configuredCredential } from "../fakes/configuration.ts";
import { type Site, makeSite, rotated } from "../fakes/daemon.ts";
import { type TokenEndpoint, startTokenEndpoint } from "../fakes/token-endpoint.ts";

describe("a first configuration", () => {
  let site: Site;
  let provider: TokenEndpoint;
  beforeAll(async () => {
    provider = await startTokenEndpoint();
  });
  afterAll(() => provider.close());
  beforeEach(async () => {
    site = await makeSite();
  });
  afterEach(() => site[Symbol.asyncDispose]());

  const init = (...args: readonly string[]) => site.run(["init", "--dir", site.path("new"), ...args]);
  const config = (): string => site.path("new/evertoken.yaml");

  test.each(["generic", "cyclr"])(
    "from the template %s is valid, and only the user can read its secret",
    async (template) => {
      const { code, stdout, stderr } = await init("--template", template, "--no-input");
      expect(code).toBe(0);
      const [file = "", secret = ""] = stdout.trimEnd().split("\n");
      expect(file).toBe(config());
      expect(stderr).toMatch(
        /^\n1\. write the client secret into .*\n2\. evertoken validate --config .*\n3\. .*doctor.*\n4\. .*run/,
      );
      expect((await stat(secret)).mode & 0o777).toBe(0o600);
      expect(await site.run(["validate", "--offline", "-c", file])).toMatchObject({ code: 0, stderr: "" });
      const missing = await site.run(["validate", "-c", file]);
      expect(missing).toMatchObject({ code: 2 });
      expect(missing.stderr).toContain("is empty; write the secret into it");
    },
  );

  test("works once the secret is written: the daemon obtains and publishes a token", async () => {
    await init("--no-input", "--token-endpoint", provider.url, "--client-id", "a: b#c", "--id", "my.app");
    await site.write("new/secrets/my.app", "s3cret\n");
    await writeFile(
      site.config,
      (await readFile(config(), "utf8")).replaceAll("./", "./new/").concat('http: { listen: "127.0.0.1:0" }\n'),
    );
    await using daemon = await site.start();
    await daemon.line(rotated("my.app"));
    expect(JSON.parse(await readFile(site.path("new/tokens/my.app"), "utf8"))).toMatchObject({ revision: 1 });
  });

  test("is overwritten only with --force, and a secret not even then", async () => {
    await init("--no-input");
    await site.write("new/secrets/acme", "s3cret");
    const text = await readFile(config(), "utf8");
    await writeFile(config(), `# mine\n${text}`);
    const refused = await init("--no-input");
    expect(refused).toMatchObject({ code: 2, stdout: "" });
    expect(refused.stderr).toMatch(/evertoken\.yaml exists already; --force writes over it/);
    expect(await readFile(config(), "utf8")).toMatch(/^# mine/);
    expect(await init("--no-input", "--force")).toMatchObject({ code: 0, stdout: `${config()}\n` });
    expect(await readFile(config(), "utf8")).toBe(text);
    expect(await readFile(site.path("new/secrets/acme"), "utf8")).toBe("s3cret");
  });

  test.each([
    ["an unknown template", ["--template", "google"], /Allowed choices are generic, cyclr/],
    [
      "a malformed address",
      ["--token-endpoint", "login.example.com"],
      /tokenEndpoint: expected an address like https:\/\/host\/path/,
    ],
    ["a malformed id", ["--id", "../x"], /id: expected 1 to 128 letters/],
  ])("refuses %s with exit code 2 and writes nothing", async (_, args, hint) => {
    const { code, stdout, stderr } = await init("--no-input", ...args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(hint);
    await expect(stat(config())).rejects.toMatchObject({ code: "ENOENT" });
  });

  test("is reported as JSON: which files were written", async () => {
    const { stdout } = await init("--no-input", "-o", "json");
    expect(JSON.parse(stdout)).toEqual({
      schemaVersion: 1,
      files: [config(), site.path("new/secrets/acme")],
      secret: site.path("new/secrets/acme"),
    });
  });
});

describe("the effective configuration", () => {
  let site: Site;
  beforeAll(async () => {
    site = await makeSite();
    await site.configure({
      redis: { url: "redis://user:canary-password@127.0.0.1:1", password: { env: "REDIS_PASSWORD" } },
      defaults: { consumerCache: "1m" },
      providers: { p: { tokenEndpoint: "https://p.example.com/token", lifetime: "1h30m", limits: { perSecond: 5 } } },
      stores: { local: { type: "file", dir: "tokens" } },
      credentials: [
        configuredCredential("acme", { clientId: "acme-client", labels: { env: "prod" }, rotateAt: "60%" }),
      ],
    });
  });
  afterAll(() => site[Symbol.asyncDispose]());

  test("of a credential holds the policy that applies, and the reference of its secret", async () => {
    const { code, stdout } = await site.run(["config", "show", "acme", "-o", "json", "-c", site.config]);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      schemaVersion: 1,
      credential: "acme",
      values: {
        provider: "p",
        "clientSecret.file": site.path("secret"),
        "labels.env": "prod",
        "publish.0.store": "local",
        "publish.0.format": "json",
        rotateAt: "60%",
        consumerCache: "1m",
        lifetime: "1h30m",
        requestTimeout: "15s",
      },
    });
    const table = await site.run(["config", "show", "acme", "-c", site.config]);
    expect(table.stdout).toMatch(/^lifetime +1h30m/m);
    expect(await site.run(["config", "show", "acm", "-c", site.config])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('did you mean "acme"?'),
    });
  });

  test("shows where each value is written: credential, template, provider, defaults, preset, or nowhere", async () => {
    const file = await site.write(
      "fleet.yaml",
      `defaults:
  retryBudget: 4m
providers:
  eu:
    preset: cyclr
    tokenEndpoint: https://api.eu.cyclr.com/oauth/token
    minInterval: 1m
stores: { local: { type: file, dir: tokens } }
templates:
  webhook:
    provider: eu
    clientSecret: { file: "secrets/{id}" }
    rotateAt: 50%
    publish: [{ store: local, secret: "{id}" }]
include: accounts.yaml
`,
    );
    const accounts = await site.write(
      "accounts.yaml",
      `- id: first
  template: webhook
  clientId: one
- id: second
  template: webhook
  clientId: "\${CLIENT}"
  rotateAt: 60%
`,
    );
    const { code, stdout } = await site.run(["config", "show", "second", "--origin", "-o", "json", "-c", file], {
      CLIENT: "two",
    });
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      values: { clientId: "two", rotateAt: "60%", retryBudget: "4m", lifetime: "14d", requestTimeout: "15s" },
      origins: {
        id: `${accounts}:4`,
        clientId: `${accounts}:6 (variable)`,
        rotateAt: `${accounts}:7`,
        provider: `${file}:11`,
        "clientSecret.file": `${file}:12`,
        "publish.0.store": `${file}:14`,
        "publish.0.format": "built in",
        minInterval: `${file}:7`,
        retryBudget: `${file}:2`,
        lifetime: "preset cyclr",
        requestTimeout: "built in",
      },
    });
    const settings = await site.run(["config", "show", "--origin", "-c", file], { CLIENT: "two" });
    expect(settings.stdout).toMatch(/^providers\.eu\.auth\.method +client_secret_post +preset cyclr$/m);
    expect(settings.stdout).toMatch(/^providers\.eu\.tokenEndpoint +https:\S+ +\S+fleet\.yaml:6$/m);
    expect(settings.stdout).toMatch(/^http\.listen +127\.0\.0\.1:9464 +built in$/m);
  });

  test("of everything else holds references and never a secret", async () => {
    const { code, stdout, stderr } = await site.run(["config", "show", "-c", site.config], {
      REDIS_PASSWORD: "canary",
    });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '1 credentials; "evertoken config show ID" shows one\n' });
    expect(stdout).not.toContain("canary");
    expect(stdout).toMatch(/^redis\.url +\[redacted\]$/m);
    expect(stdout).toMatch(/^redis\.password\.env +REDIS_PASSWORD$/m);
    expect(stdout).toMatch(/^providers\.p\.limits\.perSecond +5$/m);
    expect(stdout).toMatch(/^history\.keep +20$/m);
  });

  test("needs a command after config", async () => {
    expect(await site.run(["config"])).toMatchObject({ code: 2 });
  });
});

describe("completion", () => {
  let site: Site;
  let script: string;
  beforeAll(async () => {
    site = await makeSite();
    const { stdout } = await site.run(["completion", "bash"]);
    script = await site.write("evertoken.bash", stdout);
    await site.write("some-config.yaml", "");
  });
  afterAll(() => site[Symbol.asyncDispose]());

  /** The words that bash offers for the last word of the line. */
  function offered(line: string): string[] {
    const words = line.split(" ");
    const { stdout, stderr } = spawnSync(
      "bash",
      [
        "--norc",
        "-c",
        `source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _evertoken; printf '%s\\n' "\${COMPREPLY[@]}"`,
        "bash",
        script,
        ...words,
      ],
      { encoding: "utf8", cwd: site.dir },
    );
    expect(stderr).toBe("");
    return stdout.split("\n").filter((word) => word !== "");
  }

  test("in bash offers every command", () => {
    expect(offered("evertoken ")).toEqual(
      expect.arrayContaining([...commands.map(({ name }) => name.split(" ")[0]), "help", "--version"]),
    );
    expect(offered("evertoken ro")).toEqual(["rotate"]);
  });

  test.each([
    ["the options of a command", "evertoken rotate --dr", ["--dry-run"]],
    ["the choices of an option", "evertoken status -o ", ["table", "wide", "json", "ndjson"]],
    ["the choices of an argument", "evertoken completion ", ["bash", "zsh", "fish"]],
    ["states", "evertoken pause --state needs", ["needs_attention"]],
    ["files for --config", "evertoken validate --config some", ["some-config.yaml"]],
    ["a command below another", "evertoken config ", ["show"]],
    ["the options of a command below another", "evertoken config show --out", ["--output"]],
    ["nothing for a value that it does not know", "evertoken rotate --provider ", []],
  ])("in bash offers %s", (_, line, expected) => {
    expect(offered(line)).toEqual(expected);
  });

  test("in zsh and fish is a script that these shells accept, if they are installed", async () => {
    for (const shell of ["zsh", "fish"]) {
      const { code, stdout } = await site.run(["completion", shell]);
      expect(code).toBe(0);
      for (const { name } of commands) expect(stdout).toContain(name.split(" ").at(-1));
      const file = await site.write(`evertoken.${shell}`, stdout);
      const { error, status, stderr } = spawnSync(shell, ["-n", file], { encoding: "utf8" });
      if ((error as { code?: unknown } | undefined)?.code !== "ENOENT") {
        expect({ shell, status, stderr }).toEqual({ shell, status: 0, stderr: "" });
      }
    }
  });

  test("refuses another shell with exit code 2", async () => {
    expect(await site.run(["completion", "tcsh"])).toMatchObject({ code: 2, stdout: "" });
  });
});

test("the schema of the log is the one that the repository holds", async () => {
  await using site = await makeSite();
  const { code, stdout } = await site.run(["schema", "log-events"]);
  expect(code).toBe(0);
  const file = join(import.meta.dirname, "../../src/observe/log-events.schema.json");
  expect(stdout).toBe(await readFile(file, "utf8"));
});
