import { setTimeout as delay } from "node:timers/promises";
import { NoRedisServer, ensureRedisServer } from "../setup/redis.ts";
import { startConsumers } from "./consumers.ts";
import { type Daemon, startDaemon } from "./daemon.ts";
import { type Ledger, openLedger } from "./ledger.ts";
import { type Outage, playOutages } from "./outages.ts";
import { summarize } from "./summary.ts";
import { type Surroundings, startSurroundings } from "./surroundings.ts";
import { type View, openView } from "./view.ts";

/**
 * `npm run demo`: the real daemon between providers, clouds and consumers on this machine, through an outage of a
 * provider and one of a store. Ends after about a minute with a summary. Exit code 0 when no consumer got a 401.
 * `--keep` runs until Ctrl-C.
 */

const RUN_MS = 60_000;
/** Newest versions that a secret in AWS keeps: the quota of 100 a day would end a run with `--keep` within the hour. */
const VERSIONS_KEPT = 50;

const keep = process.argv.includes("--keep");
const { stdout, stderr } = process;
const interrupted = new AbortController();
for (const [signal, number] of [
  ["SIGINT", 2],
  ["SIGTERM", 15],
  ["SIGHUP", 1],
] as const) {
  // npm passes on a signal that the terminal has sent already: a second one must not end the demo at once.
  process.on(signal, () => interrupted.abort(128 + number));
}

try {
  await ensureRedisServer();
  process.exitCode = await demo();
} catch (error) {
  stderr.write(`${error instanceof NoRedisServer ? error.message : String(error)}\n`);
  process.exitCode = 1;
}

async function demo(): Promise<number> {
  await using stack = new AsyncDisposableStack();
  stdout.write("evertoken demo: starting Cyclr, two authorization servers, AWS, GCP and the daemon on this machine\n");
  const surroundings = stack.use(await startSurroundings());
  const outages: Outage[] = [];
  let view: View | undefined;
  const ledger = openLedger(Date.now, (text) => view?.tell(text));
  const daemon = stack.use(startDaemon(surroundings, ledger.take));
  await Promise.race([daemon.ready, daemon.exited, aborted(interrupted.signal)]);
  if (interrupted.signal.aborted) return Number(interrupted.signal.reason);
  const startedAt = Date.now();
  const endsAt = keep ? undefined : startedAt + RUN_MS;
  view = openView(stdout, { ledger, startedAt, endsAt, now: Date.now, outages });
  const consumers = startConsumers(surroundings, ledger);
  const died = await run({ surroundings, ledger, daemon, view, outages });
  view.close();
  await consumers[Symbol.asyncDispose]();
  const daemonExit = await daemon.stop();
  if (died) stderr.write(`the daemon ended by itself:\n${daemon.lastLines()}\n`);

  const { text, kept } = summarize({
    ledger,
    outages,
    ranMs: Date.now() - startedAt,
    issued: surroundings.issued(),
    early: interrupted.signal.aborted,
    daemonExit: died ? `it ended by itself with ${daemonExit}` : daemonExit,
  });
  stdout.write(`\n${text}\n`);
  if (interrupted.signal.aborted && !keep) return Number(interrupted.signal.reason);
  return kept ? 0 : 1;
}

/** The minute between start and summary. Resolves with true when the daemon ended by itself. */
async function run({
  surroundings,
  ledger,
  daemon,
  view,
  outages,
}: {
  surroundings: Surroundings;
  ledger: Ledger;
  daemon: Daemon;
  view: View;
  outages: Outage[];
}): Promise<boolean> {
  const over = new AbortController();
  const signal = AbortSignal.any([interrupted.signal, over.signal]);
  const playing = playOutages(surroundings, ledger, {
    signal,
    now: Date.now,
    began(outage) {
      outages.push(outage);
      view.tell(`OUTAGE: ${outage.title} is down`);
    },
    ended: ({ title }) => view.tell(`OUTAGE OVER: ${title} is back`),
  });
  const aging = setInterval(() => forgetOldVersions(surroundings), 10_000);
  const died = await Promise.race([
    daemon.exited.then(() => true),
    aborted(interrupted.signal).then(() => false),
    ...(keep ? [] : [delay(RUN_MS, false, { signal, ref: true }).catch(() => false)]),
  ]);
  clearInterval(aging);
  over.abort();
  await playing;
  return died;
}

/** Removes old versions as the 24 hours of the quota do on AWS. */
function forgetOldVersions({ aws }: Surroundings): void {
  for (const { versions } of aws.secrets.values()) {
    for (const id of [...versions.keys()].slice(0, -VERSIONS_KEPT)) versions.delete(id);
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
