import { performance } from "node:perf_hooks";
import { parseArgs } from "node:util";
import { cycleOf } from "../../src/core/plan/demand.ts";
import { policy } from "../fakes/world.ts";
import { runFaults } from "./faults/main.ts";
import { runMutants } from "./faults/mutants.ts";
import { type Span, simulate } from "./fleet.ts";
import { type Measured, measure } from "./measure.ts";
import { seeded } from "../fakes/seeded.ts";

/**
 * `npm run simulate [-- CREDENTIALS LIFETIME_HOURS]`: a month of a fleet too large for one machine, in virtual time,
 * and the limit that it reaches first.
 */

const DAYS = 30;
const HOUR = 3600;
const DAY = 86_400;

/** The provider is down for two hours and the daemon for eight; an hour of throttling; a deploy of 30 s every day. */
const down: Span[] = [[3 * DAY, 3 * DAY + 2 * HOUR]];
const throttled: Span[] = Array.from({ length: 30 }, (_, i) => [10 * DAY + i * 120, 10 * DAY + i * 120 + 60]);
const away: Span[] = [
  [20 * DAY, 20 * DAY + 8 * HOUR],
  ...Array.from({ length: DAYS }, (_, day): Span => [day * DAY + 12 * HOUR, day * DAY + 12 * HOUR + 30]),
  ...throttled,
];

const AWS = { writesPerSecond: 50, secrets: 500_000 } as const;
/** Empty jobs per second that one claim loop and one BullMQ queue sustained on two cores. */
const JOBS_PER_SECOND = 8700;

function run(credentials: number, lifetimeHours: number, measured: Measured): void {
  const lifetimeMs = lifetimeHours * HOUR * 1000;
  const steady = (credentials * 1000) / cycleOf({ lifetimeMs, policy }).meanMs;
  const scopes = Math.max(Math.ceil(credentials / AWS.secrets), Math.ceil((steady * 1.5) / AWS.writesPerSecond));
  const perSecond = scopes * AWS.writesPerSecond;
  const startedAt = performance.now();
  const result = simulate({ credentials, days: DAYS, policy, lifetimeMs, perSecond, down, away, random: seeded(1) });
  const wallS = (performance.now() - startedAt) / 1000;
  const gib = (credentials * measured.redisBytesPerCredential) / 2 ** 30;
  const commands = perSecond * measured.redisCommandsPerRotation;
  const redisCores = (steady * measured.redisMicrosPerRotation) / 1e6;
  const rows: [string, string][] = [
    ["credentials, lifetime", `${count(credentials)}, ${lifetimeHours} h`],
    ["AWS accounts or regions", `${scopes} (500,000 secrets and 50 writes a second each)`],
    ["exchanges in 30 days", `${count(result.exchanges)}, of which ${count(result.failed)} unanswered`],
    ["store writes", count(result.exchanges - result.failed)],
    ["per second: steady, peak", `${steady.toFixed(1)}, ${result.peakPerSecond}`],
    ["longest backlog", count(result.peakBacklog)],
    ["tokens that died unrenewed", `${count(result.outages)}, ${count(result.expiredSeconds)} token-seconds`],
    ["  though nothing was down when they died", count(result.avoidableOutages)],
    ["Redis memory", `${gib.toFixed(2)} GiB (${Math.round(measured.redisBytesPerCredential)} B each, measured)`],
    [
      "Redis at the peak",
      `${count(commands)} commands a second; steady ${(redisCores * 100).toFixed(1)} % of its core`,
    ],
    ["first limit", firstLimit(credentials, steady, redisCores)],
    ["simulated in", `${wallS.toFixed(0)} s`],
  ];
  for (const [name, value] of rows) process.stdout.write(`${name.padEnd(42)}${value}\n`);
  process.stdout.write("\n");
}

/** The limit that a growing fleet reaches first, and the remedy. */
function firstLimit(credentials: number, steady: number, redisCores: number): string {
  const limits: [number, string][] = [
    [
      credentials / AWS.secrets,
      "500,000 secrets of an AWS region: more stores (accounts or regions), each with its part of the fleet",
    ],
    [
      steady / AWS.writesPerSecond,
      "50 writes a second of an AWS account and region: more stores, or tokens that live longer",
    ],
    [redisCores, "one Redis: a cluster, with the fleet split over several providers (each is one slot)"],
    [steady / JOBS_PER_SECOND, "one queue: the fleet split over several providers"],
  ];
  const [share, what] = limits.toSorted((a, b) => b[0] - a[0])[0] ?? [0, ""];
  return `${what} (${(share * 100).toFixed(0)} % of one used)`;
}

function count(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}

async function runMonth([credentials, lifetimeHours]: readonly number[]): Promise<void> {
  const measured = await measure();
  if (credentials !== undefined) run(credentials, lifetimeHours ?? 12, measured);
  else {
    run(1_000_000, 12, measured);
    run(10_000_000, 14 * 24, measured);
  }
}

const { values, positionals } = parseArgs({
  options: {
    faults: { type: "boolean" },
    mutants: { type: "boolean" },
    seed: { type: "string" },
    steps: { type: "string" },
    only: { type: "string" },
  },
  allowPositionals: true,
});
if (values.faults === true) {
  const seed = values.seed === undefined ? undefined : Number(values.seed);
  process.exitCode = await runFaults({ seed, steps: Number(values.steps ?? 100_000) });
} else if (values.mutants === true) {
  process.exitCode = await runMutants({ steps: Number(values.steps ?? 1_000_000), only: values.only ?? "" });
} else await runMonth(positionals.map(Number));
