import { waitUnlessAborted } from "../core/wait.ts";
import { parseDuration } from "../core/duration.ts";
import type { CredentialView } from "../queue/views/credentials.ts";
import { CommandError, exitCode } from "./command.ts";
import { mapConcurrently } from "./concurrent.ts";
import type { Io } from "./io.ts";
import type { BulkOptions } from "./options.ts";
import type { Selection } from "./select.ts";
import { statesOf } from "./states.ts";

/** With more credentials than this a command asks first, and reports how many instead of which. */
const MANY = 25;
const AT_ONCE = 16;

/** What became of one of the targets of a command. */
export interface Result {
  readonly credential: string;
  /** A word for programs: `requested`, `rotated`, `failed`, `paused`, ... */
  readonly result: string;
  readonly code: number;
  /** For people; printed after the name. */
  readonly text: string;
  readonly facts?: Readonly<Record<string, unknown>>;
}

/**
 * Whether to go on: false after a dry run, which has been printed. Throws CommandError (usage) if the selection matches
 * nothing, if the answer is no, and if nobody is there to ask.
 */
export async function confirmCommand(bulk: {
  readonly verb: string;
  readonly selection: Selection;
  readonly views: readonly CredentialView[];
  readonly options: BulkOptions;
  readonly io: Io;
}): Promise<boolean> {
  const { verb, selection, views, options, io } = bulk;
  const { length: count } = views;
  if (count === 0) throw new CommandError(`no credential is in ${selection.description}`, exitCode.usage);
  if (options.dryRun === true) {
    printDryRun(bulk);
    return false;
  }
  if (options.yes === true || (count <= MANY && options.all !== true)) return true;
  const what = `${verb} ${count} credentials (${selection.description})`;
  if (!io.terminal.input) {
    throw new CommandError(
      `${what}? This is not a terminal, so nobody can confirm: give --yes, or look first with --dry-run`,
      exitCode.usage,
    );
  }
  const answer = await io.ask(`This will ${what}. Type ${count} to go on: `);
  if (answer.trim() === String(count)) return true;
  throw new CommandError("nothing was done", exitCode.usage);
}

function printDryRun({ verb, views, options, io }: Omit<Parameters<typeof confirmCommand>[0], "selection">): void {
  const rows = views.map((view) => ({
    credential: view.id,
    provider: view.provider,
    state: statesOf(view, io.now())[0],
  }));
  if (options.output === "json") {
    io.out(`${JSON.stringify({ schemaVersion: 1, dryRun: true, action: verb, credentials: rows }, undefined, 2)}\n`);
  } else {
    io.out(rows.map(({ credential, state }) => `${credential}: would ${verb} (${state})\n`).join(""));
    io.err(`${views.length} credentials; nothing was done\n`);
  }
}

/** `5/s`, `100/m`, `2000/h` as milliseconds from one start to the next; 0 without a rate. */
export function parseRate(text: string | undefined): number {
  if (text === undefined) return 0;
  const match = /^(\d+(?:\.\d+)?)\/([smh])$/.exec(text);
  const count = Number(match?.[1]);
  if (match === null || !(count > 0))
    throw new CommandError("--rate wants a rate like 5/s, 100/m or 2000/h", exitCode.usage);
  return { s: 1000, m: 60_000, h: 3_600_000 }[match[2] as "s" | "m" | "h"] / count;
}

export function parseTimeout(text: string): number {
  const ms = parseDuration(text);
  if (ms === undefined) throw new CommandError("--timeout wants a duration like 30s or 5m", exitCode.usage);
  return ms;
}

/** Does `work` for every item: one start each `intervalMs`, or several at once if that is 0. Ends early on a signal. */
export async function runPaced<T, R>(
  items: readonly T[],
  { intervalMs, io }: { readonly intervalMs: number; readonly io: Io },
  work: (item: T) => Promise<R>,
): Promise<R[]> {
  if (intervalMs === 0) return mapConcurrently(items, AT_ONCE, work);
  const results: R[] = [];
  const from = io.now();
  for (const [i, item] of items.entries()) {
    if (!(await waitUnlessAborted(from + i * intervalMs - io.now(), io.stop))) break;
    results.push(await work(item));
  }
  return results;
}

/** Prints what became of each target. Returns the exit code of the whole: 5 if some failed and others did not. */
export function reportResults(
  results: readonly Result[],
  { action, options, io }: { readonly action: string; readonly options: BulkOptions; readonly io: Io },
): number {
  if (options.output === "json") {
    const rows = results.map(({ credential, result, facts }) => ({ credential, result, ...facts }));
    io.out(`${JSON.stringify({ schemaVersion: 1, action, results: rows }, undefined, 2)}\n`);
  } else {
    for (const { credential, text, code } of results) {
      if (code !== exitCode.ok) io.err(`${credential}: ${text}\n`);
      else if (results.length <= MANY) io.out(`${credential}: ${text}\n`);
    }
    const { length: good } = results.filter(({ code }) => code === exitCode.ok);
    if (results.length > MANY) io.out(`${good} of ${results.length} credentials: ${action} done\n`);
  }
  return combineCodes(results.map(({ code }) => code));
}

function combineCodes(codes: readonly number[]): number {
  const bad = codes.filter((code) => code !== exitCode.ok);
  const [first] = bad;
  if (first === undefined) return exitCode.ok;
  const failed = bad.find((code) => code !== exitCode.timedOut);
  if (failed === undefined) return exitCode.timedOut;
  return bad.length < codes.length || bad.some((code) => code !== failed) ? exitCode.partial : failed;
}
