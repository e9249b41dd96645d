import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";

/** A process that answers messages in order. */
export interface Child extends AsyncDisposable {
  readonly pid: number;
  /** Its next message. */
  said<T>(): Promise<T>;
  tell(message: object): void;
  ask<T>(message: object): Promise<T>;
}

/** Starts a file of this folder with `facts` as its argument. */
export function startChild(file: string, facts: object = {}): Child {
  const child: ChildProcess = fork(new URL(file, import.meta.url), [JSON.stringify(facts)], {
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  const messages: unknown[] = [];
  const waiting: { resolve(message: unknown): void; reject(error: Error): void }[] = [];
  child.on("message", (message) => {
    const first = waiting.shift();
    if (first === undefined) messages.push(message);
    else first.resolve(message);
  });
  child.on("exit", (code) => {
    for (const { reject } of waiting.splice(0)) reject(new Error(`${file} ended with code ${String(code)}`));
  });
  const said = <T>(): Promise<T> =>
    new Promise((resolve, reject) => {
      if (messages.length > 0) resolve(messages.shift() as T);
      else waiting.push({ resolve, reject });
    });
  return {
    pid: child.pid ?? 0,
    said,
    tell: (message) => void child.send(message),
    ask(message) {
      child.send(message);
      return said();
    },
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exited = once(child, "exit");
      child.kill("SIGKILL");
      await exited;
    },
  };
}
