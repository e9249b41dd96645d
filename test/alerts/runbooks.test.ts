import { describe, expect, test } from "vitest";
import { makeSite } from "../fakes/daemon.ts";
import { readRules } from "./rules.ts";
import { type Runbook, readRunbooks } from "./runbooks.ts";

const runbooks = await readRunbooks();
const { alerts } = await readRules();
const each = runbooks.map((runbook): [string, Runbook] => [runbook.alert, runbook]);

/** Words up to the first argument or option: `config show` of `config show ID --origin`. */
function nameOf(command: readonly string[]): string[] {
  const end = command.findIndex((word) => !/^[a-z]+$/.test(word));
  return command.slice(0, end === -1 ? command.length : end);
}

describe("the runbooks", () => {
  test("are exactly one per alert", () => {
    expect(runbooks.map(({ alert }) => alert)).toEqual(alerts.map(({ alert }) => alert).toSorted());
  });

  test.each(each)("%s has all sections, and a command or a query to run", (alert, runbook) => {
    expect(runbook.text.startsWith(`# ${alert}\n`)).toBe(true);
    expect(runbook.sections).toEqual([
      "Meaning",
      "Impact",
      "Check in 60 s",
      "Likely causes",
      "Fix",
      "Verify",
      "Escalate",
    ]);
    expect(runbook.text).toMatch(/## Check in 60 s\n[\s\S]*```(sh|promql)\n[\s\S]*## Likely causes/);
  });

  test("point only to runbooks that exist", () => {
    const names = runbooks.map(({ alert }) => alert);
    expect(runbooks.flatMap(({ points }) => points).filter((point) => !names.includes(point))).toEqual([]);
  });

  test("name commands and options that exist", async () => {
    await using site = await makeSite();
    const commands = new Map(runbooks.flatMap((book) => book.commands).map((words) => [words.join(" "), words]));
    expect(commands.size).toBeGreaterThan(10);
    const help = new Map<string, string>();
    for (const words of commands.values()) {
      const name = nameOf(words);
      const key = name.join(" ");
      if (!help.has(key)) {
        // The program shows its own help for a command that it does not know.
        const { code, stdout } = await site.run([...name, "--help"]);
        expect([key, code]).toEqual([key, 0]);
        expect(stdout).toContain(`Usage: evertoken ${key} `);
        help.set(key, stdout);
      }
      for (const option of words.filter((word) => word.startsWith("-"))) {
        expect(help.get(key)).toMatch(new RegExp(`(^|[\\s,])${option}(?=[\\s,=])`, "m"));
      }
      const state = words[words.indexOf("--state") + 1];
      if (words.includes("--state")) expect(help.get(key)).toContain(state);
    }
  });
});
