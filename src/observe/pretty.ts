import pretty from "pino-pretty";

/** Lines for people, on stdout. Loaded only for `log.format: pretty`: it costs a start as much as pino itself. */
export function prettyLines(): (line: string) => void {
  const stream = pretty({
    sync: true,
    singleLine: true,
    ignore: "pid,service,version,instance,schema,event",
    messageFormat: "{event} {msg}",
  });
  return (line) => void stream.write(line);
}
