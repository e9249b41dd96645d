import { row } from "./measure.ts";
import { measureReading } from "./reading.ts";

/** `npm run bench:config [accounts] [rounds]`: reading the configuration of a fleet alone. */
const COUNT = Number(process.argv[2] ?? 100_000);
const ROUNDS = Number(process.argv[3] ?? 5);

const { kinds, parseMs, waitingBlockedMs } = await measureReading(COUNT, ROUNDS);
process.stdout.write(`${COUNT} accounts, median of ${ROUNDS} rounds (longest block: the worst of them)\n`);
for (const [name, { ms, blockedMs, heapBytes }] of kinds) {
  row(
    name,
    `${ms.toFixed(0)} ms, loop blocked ${blockedMs.toFixed(1)} ms, heap ${heapBytes.toFixed(0)} B per credential`,
  );
}
row("JSON.parse of the same lines alone", `${parseMs.toFixed(0)} ms`);
row("a loop that only waits", `blocked ${waitingBlockedMs.toFixed(1)} ms`);
