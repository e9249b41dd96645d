import { OwnError } from "../core/own-error.ts";
import { onAbort } from "../core/wait.ts";
import { forgetMounts, mountOf } from "./mounts.ts";

/**
 * Node runs file operations in a few threads, which name look-ups share, and an operation that hangs keeps its thread.
 * So operations take turns: few at a time, fewer within one mount, one for each path. What hangs is remembered, and
 * whoever wants more of it is refused at once, until it answers.
 */

/** Threads for `main.ts` to ask for. libuv gives name look-ups at most half of them, and files get fewer than all. */
export const THREADS = 16;
const MOST = 12;
const MOST_OF_MOUNT = 4;
/** For those who have no deadline of their own. */
const DEADLINE_MS = 10_000;

/** Why an operation was not made, or not waited for any longer; in place of an errno. */
export class FileError extends OwnError {
  override readonly name = "FileError";
  readonly code: "HANGS" | "ENOTREG" | "EISDIR";
  constructor(message: string, code: FileError["code"]) {
    super(message);
    this.code = code;
  }
}

interface Place {
  readonly path: string;
  readonly mount: string;
}

interface Turn extends Place {
  /** Its caller has left at the deadline. */
  hangs: boolean;
}

interface Waiting extends Place {
  begin(turn: Turn): void;
  refuse(error: FileError): void;
}

const underWay = new Map<string, Turn>();
/** By mount, the longest waiting first. */
const waiting = new Map<string, Set<Waiting>>();

/** Whether an operation was left at its deadline and has not answered since: a thread still waits for it. */
export function doesAnyHang(): boolean {
  return [...underWay.values()].some(({ hangs }) => hangs);
}

/**
 * Runs file operations on one path, one after another within `work`. Throws FileError of code HANGS when the signal
 * aborts first, and at once where an earlier operation hangs. `work` MUST look at the signal before a step that nobody
 * expects any more. MUST NOT be called within the `work` of the same path.
 */
export async function inTurn<T>(
  path: string,
  work: (signal: AbortSignal) => Promise<T>,
  signal: AbortSignal = AbortSignal.timeout(DEADLINE_MS),
): Promise<T> {
  const turn = await nextTurn({ path, mount: mountOf(path) }, signal);
  const done = work(signal).finally(() => {
    underWay.delete(path);
    admitWaiting();
  });
  const { promise: late, reject } = Promise.withResolvers<never>();
  const stopListening = onAbort(signal, () => {
    turn.hangs = true;
    forgetMounts();
    reject(hanging(path));
    admitWaiting();
  });
  try {
    return await Promise.race([done, late]);
  } finally {
    stopListening();
  }
}

async function nextTurn(place: Place, signal: AbortSignal): Promise<Turn> {
  if (signal.aborted) throw hanging(place.path);
  const chance = chanceOf(place);
  if (chance === "now") return begin(place);
  if (chance === "never") throw hanging(place.path);
  const { promise, resolve, reject } = Promise.withResolvers<Turn>();
  const entry = { ...place, begin: resolve, refuse: reject };
  const queue = waiting.get(place.mount) ?? new Set();
  waiting.set(place.mount, queue.add(entry));
  const stopListening = onAbort(signal, () => {
    if (queue.delete(entry)) reject(hanging(place.path));
  });
  try {
    return await promise;
  } finally {
    stopListening();
  }
}

function begin({ path, mount }: Place): Turn {
  const turn = { path, mount, hangs: false };
  underWay.set(path, turn);
  return turn;
}

/** `never`: nothing but operations that hang is in the way. */
function chanceOf({ path, mount }: Place): "now" | "later" | "never" {
  const same = underWay.get(path);
  if (same !== undefined) return same.hangs ? "never" : "later";
  const all = [...underWay.values()];
  const near = all.filter((turn) => turn.mount === mount);
  const inTheWay = near.length >= MOST_OF_MOUNT ? near : all.length >= MOST ? all : [];
  if (inTheWay.length === 0) return "now";
  return inTheWay.every(({ hangs }) => hangs) ? "never" : "later";
}

function admitWaiting(): void {
  for (const queue of waiting.values()) {
    for (const entry of queue) {
      const chance = chanceOf(entry);
      if (chance === "later" && !underWay.has(entry.path)) break; // its mount is busy: so it is for all the others
      if (chance === "later") continue;
      queue.delete(entry);
      if (chance === "now") entry.begin(begin(entry));
      else entry.refuse(hanging(entry.path));
    }
  }
}

function hanging(path: string): FileError {
  return new FileError(`${path} does not answer; is its file system or its server down?`, "HANGS");
}
