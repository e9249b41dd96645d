import { once } from "node:events";
import { parentPort, workerData } from "node:worker_threads";
import { checkOpened } from "../check/documents.ts";
import { CHUNK, type Opening, type Order } from "./read-in-thread.ts";
import { openFiles } from "../read/open.ts";
import { makePacker } from "./pack.ts";

/** The thread of load-apart.ts. */

const port = parentPort;
if (port === null) throw new Error("this file is started as a thread");
const { file, env } = workerData as Order;

const opened = await openFiles(file, env);
if (opened === undefined) throw new Error("without a limit everything is read");
const { accepted, ...told } = checkOpened(opened, env);
const count = accepted?.count ?? 0;
const opening: Opening = { ...told, ...(accepted && { settings: accepted.settings }), count };
const pack = makePacker();

let asked = once(port, "message");
port.postMessage(opening);
for (let i = 0; i < count; i += CHUNK) {
  const chunk = pack(accepted?.slice(i, i + CHUNK) ?? []);
  await asked;
  asked = once(port, "message");
  port.postMessage(chunk);
}
port.close();
