import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";

const ROOT = new URL("../", import.meta.url).pathname;

/** Where documents stand; nothing else is looked through. */
const folders = [".ci", ".github", "helm", "src", "test"] as const;

interface Block {
  /** What stands behind the opening fence: `sh`, `yaml`, ... */
  readonly language: string;
  readonly text: string;
}

/** A Markdown file of the repository. */
export interface Document {
  /** From the repository's root: `src/README.md`. */
  readonly path: string;
  readonly text: string;
  readonly blocks: readonly Block[];
  /** The text without its blocks. */
  readonly prose: string;
}

const FENCED = /^```(\w*)\n([\s\S]*?)^```$/gm;

export function readDocument(path: string): Document {
  const text = readFileSync(join(ROOT, path), "utf8");
  const blocks = [...text.matchAll(FENCED)].map(([, language = "", block = ""]) => ({ language, text: block }));
  return { path, text, blocks, prose: text.replaceAll(FENCED, "") };
}

export function readDocuments(): readonly Document[] {
  const below = folders.flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" }).map((path) => `${folder}/${path}`),
  );
  return ["README.md", ...below.filter((path) => path.endsWith(".md")).toSorted()].map(readDocument);
}

/** What stands under a heading, up to the next one of its level or above; "" where there is no such heading. */
export function sectionOf({ text }: Document, title: string): string {
  const start = new RegExp(`^(#+) ${title}$`, "m").exec(text);
  if (start === null) return "";
  const rest = text.slice(start.index + start[0].length);
  const end = new RegExp(`^#{1,${start[1]?.length ?? 1}} `, "m").exec(rest);
  return rest.slice(0, end?.index);
}

/** The commands of shell blocks, one a line: continued lines are joined, comments left out. */
export function commandsOf({ blocks }: Document): string[] {
  return blocks
    .filter(({ language }) => language === "sh")
    .flatMap(({ text }) => text.replaceAll(/\\\n\s*/g, "").split("\n"))
    .filter((line) => line !== "" && !line.startsWith("#"));
}

/** The rules of the ACL user that `helm/README.md` gives, as Redis takes them. */
export function aclRules(): readonly string[] {
  const command = commandsOf(readDocument("helm/README.md")).find((line) => line.startsWith("redis-cli ACL SETUSER"));
  const [, rules = ""] = /^redis-cli ACL SETUSER evertoken on ">\$REDIS_PASSWORD" (.+)$/.exec(command ?? "") ?? [];
  return rules.replaceAll("'", "").split(" ");
}
