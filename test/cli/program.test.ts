import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { commands } from "../../src/cli/commands/index.ts";
import { configurationOf } from "../fakes/configuration.ts";
import { type Daemon, type Site, makeSite, rotated } from "../fakes/daemon.ts";
import { type TokenEndpoint, json, startTokenEndpoint, token } from "../fakes/token-endpoint.ts";

const MAIN = new URL("../../src/main.ts", import.meta.url).pathname;

describe("the command line", () => {
  let site: Site;
  let provider: TokenEndpoint;
  const config = (over: object = {}): object => configurationOf(provider.url, ["acme", "globex"], over);

  beforeAll(async () => {
    site = await makeSite();
    provider = await startTokenEndpoint();
    await site.write("secret", "s3cret");
    await site.configure(config());
  });
  afterAll(async () => {
    await site[Symbol.asyncDispose]();
    await provider.close();
  });

  describe("without a daemon", () => {
    test("prints its version on stdout", async () => {
      const { version } = JSON.parse(await readFile(new URL("../../package.json", import.meta.url), "utf8")) as {
        version: string;
      };
      expect(await site.run(["--version"])).toEqual({ code: 0, stdout: `${version}\n`, stderr: "" });
    });

    test("prints help with examples and exit codes on stdout", async () => {
      const { code, stdout, stderr } = await site.run(["--help"]);
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      expect(stdout).toMatch(/Examples:\n {2}evertoken validate/);
      expect(stdout).toContain("124 --wait timed out");
      for (const command of commands.map(({ name }) => name)) {
        const help = await site.run([...command.split(" "), "--help"]);
        expect(help).toMatchObject({ code: 0, stderr: "" });
        expect(help.stdout).toMatch(/^Examples:\n {2}evertoken [^]*\nExit codes: 0 ok; /);
      }
    });

    test("ends silently when its output is closed", async () => {
      const child = spawn(process.execPath, [MAIN, "schema"], { stdio: ["ignore", "pipe", "pipe"] });
      child.stdout.destroy();
      let stderr = "";
      child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
      const [code] = (await once(child, "close")) as [number];
      expect({ code, stderr }).toEqual({ code: 141, stderr: "" });
    });

    test.each([
      ["no command", [], /Usage: evertoken/],
      ["an unknown command", ["rotat"], /unknown command 'rotat'[\s\S]*Did you mean rotate\?/],
      ["an unknown option", ["status", "--outptu", "json"], /unknown option '--outptu'[\s\S]*Did you mean --output\?/],
      ["an unknown output format", ["status", "-o", "xml"], /table, wide, json, ndjson/],
      ["history without an id", ["history"], /missing required argument 'id'/],
    ])("refuses %s with exit code 2 and a hint on stderr", async (_, args, hint) => {
      const { code, stdout, stderr } = await site.run(args);
      expect(stderr).toMatch(hint);
      expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    });

    test.each(["run", "validate", "status", "rotate acme"])("needs a configuration: %s", async (command) => {
      const { code, stdout, stderr } = await site.run(command.split(" "));
      expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
      expect(stderr).toBe("evertoken: no configuration: give --config FILE, or set EVERTOKEN_CONFIG\n");
    });

    test("reads the configuration of EVERTOKEN_CONFIG, unless --config names one", async () => {
      expect((await site.run(["validate"], { EVERTOKEN_CONFIG: site.config })).code).toBe(0);
      expect((await site.run(["validate", "-c", site.config], { EVERTOKEN_CONFIG: "/nowhere" })).code).toBe(0);
    });

    test("validates: a valid configuration on stdout with 0, mistakes on stderr with 2", async () => {
      const good = await site.run(["validate", "-c", site.config]);
      expect(good).toEqual({
        code: 0,
        stdout: `${site.config} is valid: 2 credentials, 1 providers, 1 stores\n`,
        stderr: "",
      });
      const bad = await site.write("bad.yaml", "providers: {}\nstores: {}\ncredentials:\n  - { id: a, provider: p }\n");
      const { code, stdout, stderr } = await site.run(["validate", "-c", bad]);
      expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
      expect(stderr).toMatch(/bad\.yaml:4:\d+ error /);
      expect(stderr).toMatch(/has \d+ errors; nothing was started\n$/);
    });

    test("validates the files that the configuration names, unless --offline is given", async () => {
      const file = await site.write(
        "missing.yaml",
        JSON.stringify(config(), undefined, 1)
          .replaceAll('"file":"secret"', '"file":"gone"')
          .replaceAll('"file": "secret"', '"file": "gone"'),
      );
      const { code, stderr } = await site.run(["validate", "-c", file]);
      expect(code).toBe(2);
      expect(stderr).toMatch(/missing\.yaml:\d+:\d+ error {2}secret file .*gone does not exist/);
      expect((await site.run(["validate", "--offline", "-c", file])).code).toBe(0);
    });

    test("prints a JSON Schema of draft-07 on stdout", async () => {
      const { code, stdout, stderr } = await site.run(["schema"]);
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      expect(JSON.parse(stdout)).toMatchObject({ $schema: "http://json-schema.org/draft-07/schema#", type: "object" });
    });

    test.each(["status", "rotate acme"])("says that no daemon is running, with exit code 1: %s", async (command) => {
      const { code, stdout, stderr } = await site.run([...command.split(" "), "-c", site.config]);
      expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
      expect(stderr).toMatch(/no daemon is running on .*evertoken-data: start one with "evertoken run"/);
    });

    test("needs a duration for --timeout", async () => {
      expect(await site.run(["rotate", "acme", "--timeout", "soon", "-c", site.config])).toMatchObject({ code: 2 });
    });
  });

  describe("beside a daemon", () => {
    let daemon: Daemon;
    beforeAll(async () => {
      daemon = await site.start();
      for (const id of ["acme", "globex"]) {
        await daemon.line(rotated(id));
      }
    });
    afterEach(() => {
      provider.otherwise(token());
    });

    test("shows a healthy fleet, as text and as JSON, with exit code 0", async () => {
      const table = await site.run(["status", "-c", site.config]);
      expect(table).toMatchObject({ code: 0, stderr: "" });
      expect(table.stdout).toMatch(/^All 2 credentials fresh; next expiry in 1 h\.|^All 2 credentials fresh/);
      expect(table.stdout).toMatch(/^p +2 +0 +2 /m);
      const machine = await site.run(["status", "-o", "json", "-c", site.config]);
      expect(machine).toMatchObject({ code: 0, stderr: "" });
      expect(JSON.parse(machine.stdout)).toMatchObject({
        schemaVersion: 1,
        healthy: true,
        credentials: 2,
        expired: 0,
        attention: [],
      });
    });

    test("shows everything about one credential", async () => {
      const { code, stdout } = await site.run(["status", "acme", "-o", "json", "-c", site.config]);
      expect(code).toBe(0);
      expect(JSON.parse(stdout)).toMatchObject({
        schemaVersion: 1,
        credential: "acme",
        provider: "p",
        healthy: true,
        revision: 1,
        targets: [{ store: "local", secret: "acme", live: true }],
      });
      expect((await site.run(["status", "acme", "-c", site.config])).stdout).toMatch(/^revision +1$/m);
      expect((await site.run(["status", "nobody", "-c", site.config])).code).toBe(2);
    });

    test("rotates on request, and waits for the rotation with --wait", async () => {
      const asked = await site.run(["rotate", "acme", "-c", site.config]);
      expect(asked).toEqual({ code: 0, stdout: "acme: rotation requested\n", stderr: "" });
      await daemon.line((line) => line.credential === "acme" && line["reason"] === "Requested");
      const waited = await site.run(["rotate", "acme", "globex", "--wait", "-c", site.config]);
      expect(waited).toEqual({
        code: 0,
        stdout: "acme: rotated, revision 3\nglobex: rotated, revision 2\n",
        stderr: "",
      });
      expect(await site.run(["rotate", "nobody", "--wait", "-c", site.config])).toMatchObject({ code: 2 });
    });

    test("reports a failed rotation with exit code 1, and is unhealthy (3) until one succeeds", async () => {
      provider.otherwise(json(401, { error: "invalid_client" }));
      const { code, stderr } = await site.run(["rotate", "globex", "--wait", "-c", site.config]);
      expect(code).toBe(1);
      expect(stderr).toBe('globex: failed, config invalid_client; see "evertoken status globex"\n');
      const status = await site.run(["status", "-c", site.config]);
      expect(status.code).toBe(3);
      expect(status.stdout).toMatch(/^globex +needs_attention +config +invalid_client/m);
      expect((await site.run(["status", "globex", "-c", site.config])).code).toBe(3);
      provider.otherwise(token());
      expect((await site.run(["rotate", "globex", "--wait", "-c", site.config])).code).toBe(0);
      expect((await site.run(["status", "-c", site.config])).code).toBe(0);
    });

    test("stops waiting after --timeout with exit code 124, and reports that the provider is paused", async () => {
      provider.otherwise(json(429, {}, { "retry-after": "60" }));
      await site.run(["rotate", "acme", "--wait", "-c", site.config]);
      const { code, stderr } = await site.run(["rotate", "globex", "--wait", "--timeout", "500ms", "-c", site.config]);
      expect(code).toBe(124);
      expect(stderr).toContain("globex: not rotated in time; the provider p is paused after a 429");
    });
  });
});
