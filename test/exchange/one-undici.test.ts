import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const run = promisify(execFile);

test("a program that reaches providers, serves HTTP and checks its health loads only its own undici", async () => {
  const files = ["exchange/make-exchange.ts", "observe/server.ts", "cli/commands/healthcheck.ts"];
  const urls = files.map((file) => new URL(`../../src/${file}`, import.meta.url).href);
  const script = `
    for (const url of ${JSON.stringify(urls)}) await import(url);
    new Response(); new Headers();
    console.log(process.moduleLoadList.filter((name) => name.includes("deps/undici/undici")).join());`;
  const { stdout } = await run(process.execPath, ["--input-type=module", "--eval", script]);
  expect(stdout.trim()).toBe("");
});
