import { once } from "node:events";
import { parentPort, workerData } from "node:worker_threads";
import { checkOpened } from "../check/documents.ts";
import { openFiles } from "../read/open.ts";
import { makePacker } from "./pack.ts";
import { CHUNK, type Opening, type ReadOrder } from "./read-in-thread.ts";

/** The thread that read-in-thread.ts starts. */

const port = parentPort;
if (port === null) throw new Error("this file is started as a thread");
const { file, env } = workerData as ReadOrder;

const opened = await openFiles(file, env);
if (opened === undefined) throw new Error("without a limit everything is read");
const { accepted, ...report } = checkOpened(opened, env);
const count = accepted?.count ?? 0;
const opening: Opening = { ...report, ...(accepted && { settings: accepted.settings }), count };
const pack = makePacker();

let requested = once(port, "message");
port.postMessage(opening);
for (let i = 0; i < count; i += CHUNK) {
  const chunk = pack(accepted?.slice(i, i + CHUNK) ?? []);
  await requested;
  requested = once(port, "message");
  port.postMessage(chunk);
}
port.close();
