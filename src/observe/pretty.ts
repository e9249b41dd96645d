import { prettyFactory } from "pino-pretty";

/** Makes lines for people. Loaded only for `log.format: pretty`: loading it takes as long as pino itself. */
export function prettyLines(write: (text: string) => void): (line: string) => void {
  const format = prettyFactory({
    singleLine: true,
    ignore: "pid,service,version,instance,schema,event",
    messageFormat: "{event} {msg}",
  });
  return (line) => write(format(line));
}
