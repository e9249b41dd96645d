import { type Bench, openLoop } from "./bench.ts";
import { Race } from "./rounds.ts";

/** P5: scheduling without exchange and publish, against BullMQ without scheduling. */
export async function raceScheduling(bench: Bench): Promise<Race> {
  await using stack = new AsyncDisposableStack();
  const race = new Race(bench.credentials);
  await race.run(
    [
      await openLoop(bench, stack, "due index", "due-index.ts"),
      await openLoop(bench, stack, "plain BullMQ", "plain-jobs.ts"),
    ],
    bench.rounds,
  );
  return race;
}
