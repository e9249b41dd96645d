import { waitUnlessAborted } from "../core/wait.ts";
import { parseDuration } from "../core/duration.ts";
import type { CredentialView } from "../queue/views/credentials.ts";
import { CommandError, exitCode } from "./command.ts";
import { mapConcurrently } from "./concurrent.ts";
import type { Io } from "./io.ts";
import type { BulkOptions } from "./options.ts";
import type { Selection } from "./select.ts";
import { statesOf } from "./states.ts";

/** More than so many are asked about, and reported by their number. */
const MANY = 25;
const AT_ONCE = 16;

/** What became of one of the targets of a command. */
export interface Result {
  readonly credential: string;
  /** A word for programs: `requested`, `rotated`, `failed`, `paused`, ... */
  readonly result: string;
  readonly code: number;
  /** For people, behind the name. */
  readonly said: string;
  readonly facts?: Readonly<Record<string, unknown>>;
}

/**
 * Whether to go on: false after a dry run, which has been printed. Throws CommandError (usage) for a selection that matches
 * nothing, and where somebody would have to be asked and is not there.
 */
export async function goOn(
  verb: string,
  selection: Selection,
  looks: readonly CredentialView[],
  options: BulkOptions & { readonly all?: boolean },
  io: Io,
): Promise<boolean> {
  const { length: count } = looks;
  if (count === 0) throw new CommandError(`no credential is in ${selection.said}`, exitCode.usage);
  if (options.dryRun === true) {
    const rows = looks.map(({ id, provider, ...look }) => ({
      credential: id,
      provider,
      state: statesOf({ id, provider, ...look }, io.now())[0],
    }));
    if (options.output === "json") {
      io.out(`${JSON.stringify({ schemaVersion: 1, dryRun: true, action: verb, credentials: rows }, undefined, 2)}\n`);
    } else {
      io.out(rows.map(({ credential, state }) => `${credential}: would ${verb} (${state})\n`).join(""));
      io.err(`${count} credentials; nothing was done\n`);
    }
    return false;
  }
  if (options.yes === true || (count <= MANY && options.all !== true)) return true;
  if (!io.terminal.input) {
    throw new CommandError(
      `${verb} ${count} credentials (${selection.said})? Nobody can be asked here: give --yes, or look first with --dry-run`,
      exitCode.usage,
    );
  }
  const answer = await io.ask(`This will ${verb} ${count} credentials (${selection.said}). Type ${count} to go on: `);
  if (answer.trim() === String(count)) return true;
  throw new CommandError("nothing was done", exitCode.usage);
}

/** `5/s`, `100/m`, `2000/h`, as the time between two. */
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

/** One after the other at the rate, or several at once where there is none. */
export async function paced<T, R>(
  items: readonly T[],
  intervalMs: number,
  io: Io,
  work: (item: T) => Promise<R>,
): Promise<R[]> {
  if (intervalMs === 0) return mapConcurrently(items, AT_ONCE, work);
  const results: R[] = [];
  const from = io.now();
  for (const [i, item] of items.entries()) {
    await waitUnlessAborted(from + i * intervalMs - io.now(), io.stop);
    if (io.stop.aborted) break;
    results.push(await work(item));
  }
  return results;
}

/** Prints what became of each, and makes one exit code of all: 5 where some failed and others did not. */
export function report(action: string, results: readonly Result[], options: BulkOptions, io: Io): number {
  if (options.output === "json") {
    const rows = results.map(({ credential, result, facts }) => ({ credential, result, ...facts }));
    io.out(`${JSON.stringify({ schemaVersion: 1, action, results: rows }, undefined, 2)}\n`);
  } else {
    for (const { credential, said, code } of results) {
      if (code !== exitCode.ok) io.err(`${credential}: ${said}\n`);
      else if (results.length <= MANY) io.out(`${credential}: ${said}\n`);
    }
    const { length: good } = results.filter(({ code }) => code === exitCode.ok);
    if (results.length > MANY) io.out(`${good} of ${results.length} credentials: ${action} done\n`);
  }
  return codeOf(results.map(({ code }) => code));
}

function codeOf(codes: readonly number[]): number {
  const bad = codes.filter((code) => code !== exitCode.ok);
  const [first] = bad;
  if (first === undefined) return exitCode.ok;
  const failed = bad.find((code) => code !== exitCode.timedOut);
  if (failed === undefined) return exitCode.timedOut;
  return bad.length < codes.length || bad.some((code) => code !== failed) ? exitCode.partial : failed;
}
