import { writeFile } from "node:fs/promises";
import { cpus, totalmem } from "node:os";
import { parseArgs } from "node:util";
import { measure } from "../simulate/measure.ts";
import { startRedis } from "../fakes/redis.ts";
import type { Bench } from "./bench.ts";
import { measureBoot } from "./boot-fleet.ts";
import { startChild } from "./child.ts";
import { environment } from "./fleet-daemon.ts";
import { FLEET, type Results, figuresOf, table } from "./figures.ts";
import { measureLarge } from "./large-fleet.ts";
import { machineNoise } from "./noise.ts";
import { measurePacing } from "./pacing.ts";
import { raceRotations } from "./race-rotation.ts";
import { raceScheduling } from "./race-scheduling.ts";
import { measureReading } from "./reading.ts";
import type { Ports } from "./servers.ts";

/**
 * `npm run bench`: the cost of evertoken beside the same work done otherwise, in one run on one machine, with the
 * shipped code and the shipped defaults (but for the concurrency of a provider). A ratio compares laps of the same
 * round, and each figure is the median of the rounds.
 */
const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "7" },
    json: { type: "string", default: new URL("results.json", import.meta.url).pathname },
  },
});
const report = (text: string): void => void process.stderr.write(`${text}\n`);

// For the SDKs in the children of this process.
Object.assign(process.env, environment);
const startedAt = Date.now();
await using stack = new AsyncDisposableStack();
const redis = stack.use(await startRedis({ port: true }));
const servers = stack.use(startChild("servers.ts"));
const { ports } = await servers.said<{ ports: Ports }>();
const bench: Bench = {
  servers,
  ports,
  redis,
  rounds: Number(values.rounds),
  concurrency: 64,
  credentials: 4000,
  fleet: FLEET,
};

const noise = machineNoise();
report("rotations (P1 to P4, P12) ...");
const rotation = await raceRotations(bench);
noise.sample();
report("scheduling (P5) ...");
const scheduling = await raceScheduling(bench);
noise.sample();
report("boot (P7) ...");
const boot = await measureBoot(bench);
noise.sample();
report("a large fleet (P6, P9) ...");
const large = await measureLarge(bench);
noise.sample();
report("pacing (P10) ...");
const pacing = await measurePacing(bench);
report("memory (P8) ...");
const memory = await measure();
noise.sample();
report("configuration (P11) ...");
const reading = await measureReading(FLEET, bench.rounds);
noise.sample();

const results: Results = { rotation, scheduling, boot, large, pacing, memory, reading };
const figures = figuresOf(results);
const machine =
  `${cpus().length} cores (${cpus()[0]?.model ?? "?"}), ` +
  `${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.versions.node}`;
const minutes = (Date.now() - startedAt) / 60_000;
const date = new Date(startedAt);
process.stdout.write(table(figures, results, { machine, date, minutes, noise: noise.range() }));
const kept = { date: date.toISOString(), machine, minutes, noise: noise.range(), figures };
await writeFile(values.json, `${JSON.stringify(kept, null, 2)}\n`);
