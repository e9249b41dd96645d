import type { Measured } from "../simulate/measure.ts";
import type { Boot } from "./boot-fleet.ts";
import type { Large } from "./large-fleet.ts";
import type { Pacing } from "./pacing.ts";
import type { Reading } from "./reading.ts";
import type { Race } from "./rounds.ts";

/** A line of the table. */
interface Figure {
  /** P1 to P12. */
  readonly id: string;
  readonly what: string;
  readonly value: string;
  readonly goal: string;
  readonly met: boolean;
}

export interface Results {
  readonly rotation: Race;
  readonly scheduling: Race;
  readonly boot: Boot;
  readonly large: Large;
  readonly pacing: Pacing;
  readonly memory: Measured;
  readonly reading: Reading;
}

export interface Circumstances {
  readonly machine: string;
  readonly date: Date;
  readonly minutes: number;
  readonly noise: { readonly leastMs: number; readonly mostMs: number };
}

const GOALS = { rssMib: 110, rssGcpMib: 135 } as const;
/** Credentials of the large fleet. */
export const FLEET = 100_000;

/** P1 to P12 with their goals. */
export function figuresOf({ rotation, scheduling, boot, large, pacing, memory, reading }: Results): Figure[] {
  const times = (ratio: number): string => `${ratio.toFixed(2)} x`;
  const own = rotation.faster("evertoken, aws", "own clients, aws");
  const user = rotation.faster("evertoken, aws", "BullMQ job schedulers");
  const clients = rotation.faster("own clients, aws", "oauth4webapi and SDK");
  const cpu = rotation.dearer("evertoken, aws", "two bare requests");
  const gcp = rotation.faster("evertoken, gcp", "own clients, gcp");
  const jobs = scheduling.faster("due index", "plain BullMQ");
  const { p50, p99 } = large.lag;
  const { aws: heap, both } = large.heapPerCredential;
  const fleetMib = (heap * FLEET) / 2 ** 20;
  const bothMib = (both * FLEET) / 2 ** 20;
  const ofKind = (name: string): { ms: number; blockedMs: number } =>
    reading.kinds.get(name) ?? { ms: NaN, blockedMs: NaN };
  const yaml = [...reading.kinds].filter(([name]) => name.includes("YAML")).map(([, { ms }]) => ms);
  const blocked = Math.max(...[...reading.kinds.values()].map(({ blockedMs }) => blockedMs));
  const seconds = (ms: number): string => `${(ms / 1000).toFixed(2)} s`;
  const { redisBytesPerCredential: bytes } = memory;
  const { idle, idleGcp } = large;
  return [
    {
      id: "P1",
      what: "full rotation (AWS) against the raw loop of the daemon's own clients",
      value: times(own),
      goal: ">= 0.60",
      met: own >= 0.6,
    },
    {
      id: "P2",
      what: "against BullMQ job schedulers, simple-oauth2 and the AWS SDK as it comes",
      value: times(user),
      goal: ">= 1.5",
      met: user >= 1.5,
    },
    {
      id: "P3",
      what: "the daemon's clients in a loop against oauth4webapi and SDK defaults",
      value: times(clients),
      goal: ">= 2.3",
      met: clients >= 2.3,
    },
    {
      id: "P4",
      what: "CPU per rotation against two bare undici requests",
      value: times(cpu),
      goal: "<= 7",
      met: cpu <= 7,
    },
    {
      id: "P5",
      what: "scheduling alone against plain BullMQ jobs",
      value: times(jobs),
      goal: ">= 0.5",
      met: jobs >= 0.5,
    },
    {
      id: "P6",
      what: "due to started at 100,000 registered and 50/s, p50 / p99",
      value: `${p50} / ${p99} ms`,
      goal: "<= 20 / 100 ms",
      met: p50 <= 20 && p99 <= 100,
    },
    {
      id: "P7",
      what: "registering 100,000 against a pipeline of one command each",
      value: times(boot.empty),
      goal: "<= 0.5",
      met: boot.empty <= 0.5,
    },
    {
      id: "P7",
      what: "the same fleet again",
      value: `${times(boot.unchanged)}, ${boot.calls} calls`,
      goal: "<= 0.2, 0 calls",
      met: boot.unchanged <= 0.2 && boot.calls === 0,
    },
    {
      id: "P7",
      what: "registering a million",
      value: seconds(boot.millionMs),
      goal: "<= 10 s",
      met: boot.millionMs <= 10_000,
    },
    {
      id: "P8",
      what: "Redis per credential, all state but the history",
      value: `${bytes.toFixed(0)} B`,
      goal: "<= 350 B",
      met: bytes <= 350,
    },
    {
      id: "P8",
      what: "heap of the daemon per credential",
      value: `${heap.toFixed(0)} B`,
      goal: "<= 700 B",
      met: heap <= 700,
    },
    {
      id: "P9",
      what: `idle with 100,000 (${fleetMib.toFixed(0)} MiB of heap), AWS`,
      value: `${idle.mib.toFixed(0)} MiB, ${idle.cpu.toFixed(1)} %`,
      goal: `<= ${(GOALS.rssMib + fleetMib).toFixed(0)} MiB, 1 %`,
      met: idle.mib <= GOALS.rssMib + fleetMib && idle.cpu <= 1,
    },
    {
      id: "P9",
      what: `the same with GCP as well, two targets each (${bothMib.toFixed(0)} MiB of heap)`,
      value: `${idleGcp.mib.toFixed(0)} MiB, ${idleGcp.cpu.toFixed(1)} %`,
      goal: `<= ${(GOALS.rssGcpMib + bothMib).toFixed(0)} MiB, 1 %`,
      met: idleGcp.mib <= GOALS.rssGcpMib + bothMib && idleGcp.cpu <= 1,
    },
    {
      id: "P10",
      what: "four processes at one quota: worst sliding second, mean",
      value: `${pacing.worst.toFixed(2)} x, ${pacing.mean.toFixed(2)} x`,
      goal: "<= 1.1, >= 0.95",
      met: pacing.worst <= 1.1 && pacing.mean >= 0.95,
    },
    {
      id: "P11",
      what: "configuration of 100,000 as NDJSON",
      value: seconds(ofKind("NDJSON").ms),
      goal: "<= 1 s",
      met: ofKind("NDJSON").ms <= 1000,
    },
    {
      id: "P11",
      what: "as YAML: one file, a hundred",
      value: yaml.map(seconds).join(", "),
      goal: "<= 2 s",
      met: Math.max(...yaml) <= 2000,
    },
    {
      id: "P11",
      what: "loop blocked meanwhile at most",
      value: `${blocked.toFixed(0)} ms`,
      goal: "<= 50 ms",
      met: blocked <= 50,
    },
    {
      id: "P12",
      what: "full rotation (GCP over gRPC) against the raw loop",
      value: times(gcp),
      goal: ">= 0.60",
      met: gcp >= 0.6,
    },
  ];
}

/** For people: a Markdown table, the measurements behind the ratios, and the noise of the machine. */
export function table(
  figures: readonly Figure[],
  { rotation, scheduling, boot, reading }: Results,
  at: Circumstances,
): string {
  const lines = [
    `${at.machine}, ${at.date.toISOString().slice(0, 10)}, ${at.minutes.toFixed(1)} min`,
    "",
    "| | figure | measured | goal | |",
    "|---|---|---|---|---|",
    ...figures.map(
      ({ id, what, value, goal, met }) => `| ${id} | ${what} | ${value} | ${goal} | ${met ? "met" : "missed"} |`,
    ),
    "",
    "| contestant | rotations/s | CPU ms | spread of its rounds |",
    "|---|---|---|---|",
    ...[rotation, scheduling].flatMap((race) =>
      race.names().map((name) => {
        const spread = `${(race.spread(name) * 100).toFixed(0)} %`;
        return `| ${name} | ${race.rate(name).toFixed(0)} | ${race.cpuMs(name).toFixed(3)} | ${spread} |`;
      }),
    ),
    "",
    `a pipeline of 100,000 ZADD: ${boot.rawMs.toFixed(0)} ms; ` +
      `a daemon with 100,000 fresh credentials: ready after ${(boot.readyMs / 1000).toFixed(1)} s`,
    `JSON.parse of the 100,000 lines alone: ${reading.parseMs.toFixed(0)} ms; ` +
      `an event loop that only waits: blocked ${reading.waitingBlockedMs.toFixed(1)} ms`,
    "noise of the machine: the same work on one core took " +
      `${at.noise.leastMs.toFixed(0)} to ${at.noise.mostMs.toFixed(0)} ms`,
    "",
  ];
  return lines.join("\n");
}
