import { type Bench, openLoop } from "./bench.ts";
import { Race } from "./rounds.ts";

/** P5: scheduling without exchange and publish, against BullMQ without scheduling. */
export async function raceScheduling(bench: Bench): Promise<Race> {
  await using stack = new AsyncDisposableStack();
  const race = new Race(bench.credentials);
  await race.run(
    [
      await openLoop(bench, stack, { name: "due index", file: "due-index.ts" }),
      await openLoop(bench, stack, { name: "plain BullMQ", file: "plain-jobs.ts" }),
    ],
    bench.rounds,
  );
  return race;
}
