import { readFile, readdir } from "node:fs/promises";

/** The folder to which alerts and panels link. */
export const RUNBOOKS_URL = "https://github.com/evertoken/evertoken/blob/main/helm/files/runbooks/";

const folder = new URL("../../helm/files/runbooks/", import.meta.url);

export interface Runbook {
  readonly alert: string;
  readonly text: string;
  /** The titles of its sections, in their order. */
  readonly sections: readonly string[];
  /** Its `evertoken` commands, each as a list of words. */
  readonly commands: readonly (readonly string[])[];
  readonly queries: readonly string[];
  /** Alerts of other runbooks to which it points. */
  readonly points: readonly string[];
}

export async function readRunbooks(): Promise<readonly Runbook[]> {
  const names = (await readdir(folder)).filter((name) => name !== "README.md").toSorted();
  return Promise.all(
    names.map(async (name) => {
      const text = await readFile(new URL(name, folder), "utf8");
      const commands = blocks(text, "sh").filter((line) => line.startsWith("evertoken "));
      return {
        alert: name.replace(/\.md$/, ""),
        text,
        sections: [...text.matchAll(/^## (.+)$/gm)].map(([, title = ""]) => title),
        commands: commands.map((line) => [...line.matchAll(/'[^']*'|\S+/g)].map(([word]) => word).slice(1)),
        queries: blocks(text, "promql"),
        points: [...text.matchAll(/\]\(([\w.]+)\.md\)/g)].map(([, target = ""]) => target),
      };
    }),
  );
}

/** The lines of all code blocks in a language. */
function blocks(text: string, language: string): string[] {
  const found = text.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, "gm"));
  return [...found].flatMap(([, block = ""]) => block.split("\n").filter((line) => line !== ""));
}
