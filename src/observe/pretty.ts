import pretty from "pino-pretty";

/** Writes lines for people to stdout. Loaded only for `log.format: pretty`: loading it takes as long as pino itself. */
export function prettyLines(): (line: string) => void {
  const stream = pretty({
    sync: true,
    singleLine: true,
    ignore: "pid,service,version,instance,schema,event",
    messageFormat: "{event} {msg}",
  });
  return (line) => void stream.write(line);
}
