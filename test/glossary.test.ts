import { readFileSync, readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { describe, expect, test } from "vitest";
import { readDocument, sectionOf } from "./documents.ts";

/** The rooms that rotate. Those of files, terminals and pages (config, cli, observe) name them in everyday words. */
const rooms = ["core", "daemon", "exchange", "fleet", "publish", "queue", "secrets"];

/** Words that need no entry in the glossary, by the reason why. */
const plain: Readonly<Record<string, string>> = {
  "any program has them, and they mean here what they mean there": `
    address body cache call candidate certificate change codec config context cost cycle daemon day deadline
    description difference duration entry env event field file finding folder group header id key kind level
    lifecycle limit memory method number option order page pair param parameter path price profile protocol
    queue redis ref result scan script section server shape signal slice source start status style text time
    trace transport turn type unit value warning watch work
  `,
  "a package, protocol or algorithm of others": `annotation bullmq crc32c http sha256 undici`,
  "a verb, participle or adjective: the name says what is done, or what has become of its noun": `
    after again applicable apply asked begun classify compact configured expand finish finished found known listed
    lenient living needed opened quiet read rearmed refusal reopened superseded use wait wanted`,
  "named after one place, and explained there": `beat doubt posting prelude pulse`,
};

const SRC = new URL("../src", import.meta.url).pathname;
const sources = readdirSync(SRC, { recursive: true, encoding: "utf8" })
  .filter((path) => path.endsWith(".ts"))
  .map((path) => ({ path, text: readFileSync(join(SRC, path), "utf8") }));

/** Every term of the glossary, in its order; a row may explain several. */
const terms = [...sectionOf(readDocument("src/README.md"), "Glossary").matchAll(/^\| (?!word |-)([^|]+) \|/gm)].flatMap(
  ([, cell = ""]) => cell.split(", "),
);

/** `operatorPause`, `operator-pause` and `operator pause` are the same words. */
function wordsOf(text: string): string[] {
  return (text.match(/[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])/g) ?? []).map((word) => word.toLowerCase());
}

/** `mint` and `minted`, `rotate` and `rotation`, `expiry` and `expires` are forms of one word. */
function isForm(a: string, b: string): boolean {
  if (a === b) return true;
  const shorter = Math.min(a.length, b.length);
  const same = shorter - (shorter < 8 ? 1 : 2);
  return shorter >= 4 && a.slice(0, Math.max(4, same)) === b.slice(0, Math.max(4, same));
}

function singular(word: string): string {
  return word.replace(/(?<![sui]|serie)s$/, "");
}

/** The last word of a name is its noun: `store` of `open-store.ts`, `pause` of `OperatorPause`. */
function nounOf(name: string): string {
  return singular(wordsOf(name).at(-1) ?? "");
}

function namesOf({ path, text }: (typeof sources)[number]): string[] {
  const types = [...text.matchAll(/^export (?:abstract )?(?:class|interface|type) (\w+)/gm)].map(
    ([, name = ""]) => name,
  );
  return [basename(path, ".ts"), ...types];
}

describe("the glossary", () => {
  const known = terms.flatMap(wordsOf);
  const everyday = Object.values(plain).flatMap((words) => words.trim().split(/\s+/));

  test("explains each word once", () => {
    expect(terms.length).toBeGreaterThan(50);
    expect(terms.filter((term, i) => terms.indexOf(term) !== i)).toEqual([]);
  });

  test("has no word that the code does not use", () => {
    const code = ` ${sources.flatMap(({ text }) => wordsOf(text)).join(" ")}`;
    expect(terms.filter((term) => !code.includes(` ${wordsOf(term).join(" ")}`))).toEqual([]);
  });

  test("has the noun of every file and exported type of the rooms that rotate, where it is no plain word", () => {
    const missing = sources
      .filter(({ path }) => rooms.includes(path.split("/")[0] ?? ""))
      .flatMap((source) => namesOf(source).map((name) => `${nounOf(name)}: ${name} in src/${source.path}`))
      .filter((line) => {
        const [noun = ""] = line.split(":");
        return !everyday.includes(noun) && !known.some((word) => isForm(noun, word));
      });
    expect(missing).toEqual([]);
  });

  test("explains no word that is called plain", () => {
    expect(everyday.filter((word) => known.includes(word))).toEqual([]);
  });
});
