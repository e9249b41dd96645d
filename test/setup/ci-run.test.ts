import { chmod, cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Ended, runProgram } from "../fakes/run-program.ts";

const ROOT = new URL("../..", import.meta.url).pathname;

let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "et-proof-"));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

async function program(name: string, script: string): Promise<void> {
  await writeFile(join(dir, name), `#!/bin/bash\n${script}\n`);
  await chmod(join(dir, name), 0o755);
}

describe("npm test", () => {
  const start = () => runProgram(process.execPath, [join(ROOT, "test/setup/run.ts")], { env: { PATH: dir } });
  const advice =
    "The tests and the demo need redis-server 6.2 or newer: " +
    "install it (apt-get install redis-server, brew install redis) and run this again.\n";

  test("fails with one line that says what to install where it cannot install itself", async () => {
    expect(await start()).toEqual({ code: 1, stdout: "", stderr: advice });
  });

  test("fails with the same line where the installation fails", async () => {
    await program("env", 'exec "${@:2}"');
    await program("sudo", '[ "$1" = -n ] && exec "${@:2}"');
    await program("true", "exit 0");
    await program("apt-get", `echo "$@" >> ${dir}/asked; echo "from apt"; exit 100`);
    const { code, stdout, stderr } = await start();
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr.endsWith(`from apt\n${advice}`)).toBe(true);
    expect((await readFile(join(dir, "asked"), "utf8")).split("\n")).toEqual([
      "-o DPkg::Lock::Timeout=120 update",
      "-o DPkg::Lock::Timeout=120 install -y --no-install-recommends redis-server",
      "",
    ]);
  });
});

describe(".ci/run", () => {
  const report = (tests: readonly string[], fileStatus = "passed") => ({
    testResults: [{ status: fileStatus, assertionResults: tests.map((status) => ({ status })) }],
  });

  /**
   * Runs the script in a copy whose `npm`, `.ci/tools` and `.ci/image` exit with these codes. `written`: the test
   * report.
   */
  async function prove(codes: Readonly<Record<string, number>>, written?: object): Promise<Ended> {
    const copy = join(dir, "checkout/.ci/run");
    await mkdir(dirname(copy), { recursive: true });
    for (const name of ["run", "lib.sh"]) await cp(join(ROOT, ".ci", name), join(dirname(copy), name));
    for (const name of ["tools", "image"]) await program(`checkout/.ci/${name}`, `exit ${codes[name] ?? 0}`);
    const wanted = Object.entries(codes).map(([name, code]) => `*${name}*) exit ${code};;`);
    await writeFile(join(dir, "report.json"), JSON.stringify(written ?? {}));
    await program(
      "npm",
      `case "$1" in test) for each in "$@"; do case "$each" in --outputFile.json=*)
        ${written === undefined ? ":" : `cp '${join(dir, "report.json")}' "\${each#*=}"`};; esac; done;; esac
      case "$*" in ${wanted.join("\n")} esac`,
    );
    const PATH = `${dir}:${dirname(process.execPath)}:${process.env["PATH"]}`;
    return runProgram("bash", [copy], { env: { PATH, TMPDIR: dir, XDG_CACHE_HOME: join(dir, "cache") } });
  }
  const closing = ({ stdout }: Ended) => stdout.trimEnd().split("\n").at(-1);

  test("counts every test and every check, and succeeds when all pass", async () => {
    const ended = await prove({}, report(["passed", "passed"]));
    expect([ended.code, closing(ended)]).toEqual([0, "9 passed, 0 failed"]);
  });

  test.each(["check:types", "check:lint", "check:format", "check:dead", "tools", "image"])(
    "fails when %s does",
    async (step) => {
      const ended = await prove({ [step]: 1 }, report(["passed"]));
      expect([ended.code, closing(ended)]).toEqual([1, "7 passed, 1 failed"]);
    },
  );

  test("fails when a test does", async () => {
    const ended = await prove({ test: 1 }, report(["passed", "failed"], "failed"));
    expect([ended.code, closing(ended)]).toEqual([1, "8 passed, 1 failed"]);
  });

  test("counts a skipped test as a failure, because a skipped test proves nothing", async () => {
    const ended = await prove({}, report(["passed", "pending"]));
    expect([ended.code, closing(ended)]).toEqual([1, "8 passed, 1 failed"]);
  });

  test("fails when a test file cannot be loaded", async () => {
    const ended = await prove({ test: 1 }, report([], "failed"));
    expect([ended.code, closing(ended)]).toEqual([1, "7 passed, 1 failed"]);
  });

  test("fails when the test run fails although every test passed", async () => {
    const ended = await prove({ test: 1 }, report(["passed"]));
    expect([ended.code, closing(ended)]).toEqual([1, "8 passed, 1 failed"]);
  });

  test("fails without a report", async () => {
    const ended = await prove({ test: 1 });
    expect([ended.code, closing(ended)]).toEqual([1, "7 passed, 1 failed"]);
  });

  test("fails with its closing line when nothing can be installed", async () => {
    const ended = await prove({ ci: 1 });
    expect([ended.code, closing(ended)]).toEqual([1, "0 passed, 1 failed"]);
  });
});
