import type { Writable } from "node:stream";

/**
 * Lets all that is written to the stream in one turn of the event loop go out at once, in order. A write costs more than what is written: the
 * replies that one read brings make a dozen jobs go on, each with its next command.
 */
export function gatherWrites(stream: Writable): void {
  const { write } = stream;
  let gathering = false;
  function release(): void {
    gathering = false;
    stream.uncork();
  }
  stream.write = (...args: unknown[]): boolean => {
    if (!gathering) {
      gathering = true;
      stream.cork();
      setImmediate(release);
    }
    return Reflect.apply(write, stream, args) as boolean;
  };
}
