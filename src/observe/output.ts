import { writeSync } from "node:fs";

/** Lines that wait for a reader; what comes beyond is dropped. */
const MOST_BYTES = 1024 * 1024;
const AGAIN_MS = 20;
/** How long the end of the program waits for a reader, in pauses. */
const LAST_PAUSES = 50;

export interface Output {
  /** Writes now where there is room, and keeps for later what finds none. Never waits, never throws. */
  write(text: string): void;
  /** Writes what is kept, and waits up to a second for a reader. For the end of the program. */
  flush(): void;
}

export interface OutputOptions {
  readonly fd: number;
  /** A line was dropped. */
  noteDropped(): void;
  /** There is room again, after `lines` lines were dropped. */
  tellDropped(lines: number): void;
}

/**
 * Writes lines to a descriptor at once, so that a crash loses none. A pipe whose reader has stopped must not stop the
 * program: `fd` MUST be non-blocking where it is a pipe or a socket, as Node makes stdout.
 */
export function makeOutput({ fd, noteDropped, tellDropped }: OutputOptions): Output {
  let kept: Buffer[] = [];
  let keptBytes = 0;
  let dropped = 0;
  let timer: NodeJS.Timeout | undefined;

  function drop(): void {
    dropped += 1;
    noteDropped();
  }

  /** Returns what found no room. */
  function send(bytes: Buffer): Buffer {
    let rest = bytes;
    try {
      while (rest.length > 0) rest = rest.subarray(writeSync(fd, rest));
      return rest;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "EAGAIN") return rest;
      drop(); // nobody reads any more, or the disk is full: the next line tries again
      return rest.subarray(rest.length);
    }
  }

  function keep(bytes: Buffer): void {
    kept.push(bytes);
    keptBytes += bytes.length;
    timer ??= setTimeout(sendKept, AGAIN_MS).unref();
  }

  function sendKept(): void {
    timer = undefined;
    const all = kept.length === 1 && kept[0] !== undefined ? kept[0] : Buffer.concat(kept);
    kept = [];
    keptBytes = 0;
    const rest = send(all);
    if (rest.length > 0) keep(rest);
    else tell();
  }

  function tell(): void {
    if (dropped === 0) return;
    const lines = dropped;
    dropped = 0;
    tellDropped(lines);
  }

  return {
    write(text) {
      const bytes = Buffer.from(text);
      if (kept.length > 0) {
        if (keptBytes + bytes.length > MOST_BYTES) drop();
        else keep(bytes);
        return;
      }
      const before = dropped;
      const rest = send(bytes);
      if (rest.length > 0) keep(rest);
      else if (dropped === before) tell();
    },
    flush() {
      for (let pauses = 0; kept.length > 0 && pauses < LAST_PAUSES; pauses++) {
        clearTimeout(timer);
        sendKept();
        if (kept.length > 0) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, AGAIN_MS);
      }
      clearTimeout(timer);
      timer = undefined;
    },
  };
}
