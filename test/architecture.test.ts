import { readFileSync, readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { describe, expect, test } from "vitest";

/**
 * The rooms of src/, floor by floor: a room imports itself and the floors below its own, never a room beside it.
 * src/README.md says what lives in each.
 */
const floors = [
  ["core"],
  ["files"],
  ["config", "exchange", "observe", "publish", "queue", "secrets"],
  ["fleet"],
  ["daemon"],
  ["cli"],
  ["main.ts"],
] as const;

/** Every npm package that the program uses, and the one file that knows it. */
const packages: Readonly<Record<string, string>> = {
  "@aws-sdk/client-secrets-manager": "publish/aws/client.ts",
  "@google-cloud/secret-manager": "publish/gcp/client.ts",
  "@grpc/grpc-js": "publish/gcp/client.ts",
  "@opentelemetry/api": "observe/trace.ts",
  "@opentelemetry/exporter-trace-otlp-proto": "observe/otlp.ts",
  "@opentelemetry/resources": "observe/otlp.ts",
  "@opentelemetry/sdk-trace": "observe/otlp.ts",
  "@smithy/undici-http-handler": "publish/aws/client.ts",
  bullmq: "queue/bullmq.ts",
  commander: "cli/program.ts",
  "google-auth-library": "publish/gcp/client.ts",
  ioredis: "queue/redis/client.ts",
  "js-yaml": "config/read/fast.ts",
  oauth4webapi: "exchange/token-endpoint.ts",
  pino: "observe/log.ts",
  "pino-pretty": "observe/pretty.ts",
  "prom-client": "observe/instruments.ts",
  undici: "exchange/transport.ts",
  yaml: "config/read/yaml.ts",
  zod: "config/shape/zod.ts",
};

interface Import {
  readonly from: string;
  /** A file below src, a package, or `node:...`. */
  readonly to: string;
  readonly typeOnly: boolean;
}

const ROOT = new URL("..", import.meta.url).pathname;
const SRC = join(ROOT, "src");
const files = readdirSync(SRC, { recursive: true, encoding: "utf8" })
  .filter((path) => path.endsWith(".ts"))
  .toSorted();
const sources = new Map(files.map((file) => [file, readFileSync(join(SRC, file), "utf8")]));
const imports = [...sources].flatMap(([file, source]) => importsOf(file, source));

/** `import { type A }` without a value still loads the file: it counts as an import of values. */
function importsOf(from: string, source: string): Import[] {
  const statements = source.matchAll(
    /^\s*(?:import|export)\s+(?<type>type\s)?(?:[\w*{][^"';]*?\sfrom\s*)?["'](?<to>[^"'\n]+)["']/gm,
  );
  const dynamic = source.matchAll(/\bimport\(\s*["'](?<to>[^"'\n]+)["']/g);
  return [...statements, ...dynamic].map(({ groups = {} }) => ({
    from,
    to: resolve(from, groups["to"] ?? ""),
    typeOnly: groups["type"] !== undefined,
  }));
}

function resolve(from: string, to: string): string {
  return to.startsWith(".") ? join(from, "..", to) : to;
}

function isFile(to: string): boolean {
  return to.endsWith(".ts");
}

function isPackage(to: string): boolean {
  return !isFile(to) && !to.startsWith("node:");
}

/** `@aws-sdk/client` of `@aws-sdk/client/dist/x`. */
function packageOf(to: string): string {
  return to
    .split("/")
    .slice(0, to.startsWith("@") ? 2 : 1)
    .join("/");
}

/** The first folder below src/, or the file itself that lies there. */
function roomOf(file: string): string {
  return file.split("/")[0] ?? file;
}

function floorOf(file: string): number {
  return floors.findIndex((rooms) => (rooms as readonly string[]).includes(roomOf(file)));
}

function shown(found: readonly Import[]): string[] {
  return found.map(({ from, to, typeOnly }) => `src/${from} imports ${typeOnly ? "type " : ""}${to}`);
}

function withoutComments(source: string): string {
  return source.replaceAll(/\/\*[\s\S]*?\*\//g, "").replaceAll(/(?<=^|\s)\/\/.*$/gm, "");
}

describe("the reader of imports", () => {
  test("sees every way to import, and nothing else", () => {
    const source = `
import "./effect.ts";
import whole from "whole";
import * as all from "@scope/all/part";
import { one, type Two } from "../two.ts";
import type { Three } from './three.ts';
import {
  four,
  five,
} from "node:four";
export { six } from "./six.ts";
export type { Seven } from "./seven.ts";
export * from "./eight.ts";
  const nine = (await import("./nine.ts")).nine;
const text = "import nothing";
export const ten = "./ten.ts";
export function eleven(): void { call("from"); }
`;
    expect(importsOf("queue/a.ts", source)).toEqual([
      { from: "queue/a.ts", to: "queue/effect.ts", typeOnly: false },
      { from: "queue/a.ts", to: "whole", typeOnly: false },
      { from: "queue/a.ts", to: "@scope/all/part", typeOnly: false },
      { from: "queue/a.ts", to: "two.ts", typeOnly: false },
      { from: "queue/a.ts", to: "queue/three.ts", typeOnly: true },
      { from: "queue/a.ts", to: "node:four", typeOnly: false },
      { from: "queue/a.ts", to: "queue/six.ts", typeOnly: false },
      { from: "queue/a.ts", to: "queue/seven.ts", typeOnly: true },
      { from: "queue/a.ts", to: "queue/eight.ts", typeOnly: false },
      { from: "queue/a.ts", to: "queue/nine.ts", typeOnly: false },
    ]);
  });

  test("misses no import of the program", () => {
    for (const [file, source] of sources) {
      const specifiers = withoutComments(source).matchAll(/(?:\bfrom |\bimport |\bimport\()["']([^"'\n]+)["']/g);
      const expected = [...specifiers].map(([, to = ""]) => resolve(file, to)).toSorted();
      const seen = imports.filter(({ from }) => from === file).map(({ to }) => to);
      expect([file, seen.toSorted()]).toEqual([file, expected]);
    }
  });

  test("leads to existing files", () => {
    expect(shown(imports.filter(({ to }) => isFile(to) && !sources.has(to)))).toEqual([]);
  });
});

describe("the import table", () => {
  test("src/ holds main.ts and the rooms that stand on a floor, nothing else", () => {
    expect([...new Set(files.map(roomOf))].toSorted()).toEqual(floors.flat().toSorted());
  });

  test("a room imports itself and the floors below it, as values and as types", () => {
    const wrong = imports.filter(
      ({ from, to }) => isFile(to) && roomOf(to) !== roomOf(from) && floorOf(to) >= floorOf(from),
    );
    expect(shown(wrong)).toEqual([]);
  });

  test("the core imports no package and no module of Node", () => {
    expect(shown(imports.filter(({ from, to }) => roomOf(from) === "core" && !isFile(to)))).toEqual([]);
  });

  test("every npm package is imported by the one file that the table names", () => {
    const found = new Set(
      imports.filter(({ to }) => isPackage(to)).map(({ from, to }) => `${packageOf(to)} in src/${from}`),
    );
    const named = Object.entries(packages).map(([name, file]) => `${name} in src/${file}`);
    expect([...found].toSorted()).toEqual(named.toSorted());
  });

  test("the table names exactly the dependencies of package.json", () => {
    const { dependencies } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as {
      dependencies: Record<string, string>;
    };
    expect(Object.keys(packages).toSorted()).toEqual(Object.keys(dependencies).toSorted());
  });

  test("the daemon does not load the schema of the configuration: a thread does, and frees it", () => {
    const loaded = new Set(["daemon/daemon.ts"]);
    for (const file of loaded) {
      const source = withoutComments(sources.get(file) ?? "");
      for (const [, to = ""] of source.matchAll(/^(?:import|export)(?! type\b)[^;]*? from "(\.[^"]+)"/gm)) {
        loaded.add(resolve(file, to));
      }
    }
    expect(loaded).toContain("config/config.ts");
    expect(loaded).not.toContain("config/shape/zod.ts");
  });

  test("there is no circle of imports, circles of types included", () => {
    const next = new Map(
      files.map((file) => [file, imports.filter(({ from, to }) => from === file && isFile(to)).map(({ to }) => to)]),
    );
    const circles: string[] = [];
    const done = new Set<string>();
    function walk(file: string, path: readonly string[]): void {
      if (path.includes(file)) circles.push([...path.slice(path.indexOf(file)), file].join(" → "));
      if (done.has(file)) return;
      done.add(file);
      for (const to of next.get(file) ?? []) walk(to, [...path, file]);
    }
    for (const file of files) walk(file, []);
    expect(circles).toEqual([]);
  });
});

describe("the edge of the program", () => {
  const reads = /\bDate\s*[.(]|\bnew Date\b|\bperformance\.|\bMath\.random\b|\bprocess\.(?:env|hrtime)\b|node:process/;

  test("only main.ts reads clock, chance and environment", () => {
    const readers = files.filter((file) => reads.test(withoutComments(sources.get(file) ?? "")));
    expect(readers).toEqual(["main.ts"]);
  });
});

describe("the shape of the source", () => {
  const lengths = files.map((file) => ({ file, lines: (sources.get(file) ?? "").split("\n").length - 1 }));

  test("no file is longer than 350 lines", () => {
    expect(lengths.filter(({ lines }) => lines > 350)).toEqual([]);
  });

  test("no line is longer than 120 columns", () => {
    const tests = readdirSync(join(ROOT, "test"), { recursive: true, encoding: "utf8" })
      .filter((path) => path.endsWith(".ts"))
      .map((path) => [`test/${path}`, readFileSync(join(ROOT, "test", path), "utf8")] as const);
    const long = [...[...sources].map(([path, source]) => [`src/${path}`, source] as const), ...tests].flatMap(
      ([path, source]) => source.split("\n").flatMap((line, i) => (line.length > 120 ? [`${path}:${i + 1}`] : [])),
    );
    expect(long).toEqual([]);
  });

  test("the median file has at most 110 lines", () => {
    const sorted = lengths.map(({ lines }) => lines).toSorted((a, b) => a - b);
    expect(sorted[Math.floor(sorted.length / 2)]).toBeLessThanOrEqual(110);
  });

  test("no file has a name that would fit any file", () => {
    const banned = /^(managers?|helpers?|utils?|utilities|services?|data|info|handlers?|process|common|misc|types)$/;
    const named = files.filter((file) =>
      basename(file, ".ts")
        .split("-")
        .some((word) => banned.test(word)),
    );
    expect(named).toEqual([]);
  });

  test("nothing is exported by default", () => {
    expect(files.filter((file) => /^export default\b/m.test(sources.get(file) ?? ""))).toEqual([]);
  });
});
