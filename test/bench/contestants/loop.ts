import type { Lap } from "../rounds.ts";
import type { Ports } from "../servers.ts";

/** The argument with which every contestant starts. */
export interface Facts {
  readonly ports: Ports;
  readonly redisUrl: string;
  /** Rotations at a time, the same for every contestant. */
  readonly concurrency: number;
  readonly credentials: number;
}

export const facts = JSON.parse(process.argv[2] ?? "{}") as Facts;

/** Answers every `{ rotations }` with a Lap. Ends when the bench ends. */
export function race(run: (rotations: number) => Promise<void>): void {
  process.on("message", ({ rotations }: { rotations: number }) => {
    const at = performance.now();
    const cpu = process.cpuUsage();
    run(rotations).then(
      () => {
        const { user, system } = process.cpuUsage(cpu);
        const lap: Lap = { ms: performance.now() - at, cpuMs: (user + system) / 1000 };
        process.send?.(lap);
      },
      (error: unknown) => {
        process.stderr.write(`${String(error)}\n`);
        process.exit(1);
      },
    );
  });
  process.on("disconnect", () => process.exit(0));
  process.send?.({ ready: true });
}

/** Rotates credentials one after another, `facts.concurrency` at a time. `rotate` gets the number of the credential. */
export function raceLoop(rotate: (credential: number) => Promise<unknown>): void {
  race(async (rotations) => {
    let next = 0;
    const one = async (): Promise<void> => {
      while (next < rotations) {
        next += 1;
        await rotate(next % facts.credentials);
      }
    };
    await Promise.all(Array.from({ length: facts.concurrency }, one));
  });
}
