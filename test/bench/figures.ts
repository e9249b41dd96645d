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
/** Credentials of the fleet that is large. */
export const FLEET = 100_000;

/** P1 to P12 with their goals. */
export function figuresOf({ rotation, scheduling, boot, large, pacing, memory, reading }: Results): Figure[] {
  const at = (id: string, what: string, value: string, goal: string, met: boolean): Figure => ({
    id,
    what,
    value,
    goal,
    met,
  });
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
    at("P1", "full rotation (AWS) against the raw loop of the daemon's own clients", times(own), ">= 0.60", own >= 0.6),
    at(
      "P2",
      "against BullMQ job schedulers, simple-oauth2 and the AWS SDK as it comes",
      times(user),
      ">= 1.5",
      user >= 1.5,
    ),
    at(
      "P3",
      "the daemon's clients in a loop against oauth4webapi and SDK defaults",
      times(clients),
      ">= 2.3",
      clients >= 2.3,
    ),
    at("P4", "CPU per rotation against two bare undici requests", times(cpu), "<= 7", cpu <= 7),
    at("P5", "scheduling alone against plain BullMQ jobs", times(jobs), ">= 0.5", jobs >= 0.5),
    at(
      "P6",
      "due to started at 100,000 registered and 50/s, p50 / p99",
      `${p50} / ${p99} ms`,
      "<= 20 / 100 ms",
      p50 <= 20 && p99 <= 100,
    ),
    at(
      "P7",
      "registering 100,000 against a pipeline of one command each",
      times(boot.empty),
      "<= 0.5",
      boot.empty <= 0.5,
    ),
    at(
      "P7",
      "the same fleet again",
      `${times(boot.unchanged)}, ${boot.calls} calls`,
      "<= 0.2, 0 calls",
      boot.unchanged <= 0.2 && boot.calls === 0,
    ),
    at("P7", "registering a million", seconds(boot.millionMs), "<= 10 s", boot.millionMs <= 10_000),
    at("P8", "Redis per credential, all state but the history", `${bytes.toFixed(0)} B`, "<= 350 B", bytes <= 350),
    at("P8", "heap of the daemon per credential", `${heap.toFixed(0)} B`, "<= 700 B", heap <= 700),
    at(
      "P9",
      `idle with 100,000 (${fleetMib.toFixed(0)} MiB of heap), AWS`,
      `${idle.mib.toFixed(0)} MiB, ${idle.cpu.toFixed(1)} %`,
      `<= ${(GOALS.rssMib + fleetMib).toFixed(0)} MiB, 1 %`,
      idle.mib <= GOALS.rssMib + fleetMib && idle.cpu <= 1,
    ),
    at(
      "P9",
      `the same with GCP as well, two targets each (${bothMib.toFixed(0)} MiB of heap)`,
      `${idleGcp.mib.toFixed(0)} MiB, ${idleGcp.cpu.toFixed(1)} %`,
      `<= ${(GOALS.rssGcpMib + bothMib).toFixed(0)} MiB, 1 %`,
      idleGcp.mib <= GOALS.rssGcpMib + bothMib && idleGcp.cpu <= 1,
    ),
    at(
      "P10",
      "four processes at one quota: worst sliding second, mean",
      `${pacing.worst.toFixed(2)} x, ${pacing.mean.toFixed(2)} x`,
      "<= 1.1, >= 0.95",
      pacing.worst <= 1.1 && pacing.mean >= 0.95,
    ),
    at(
      "P11",
      "configuration of 100,000 as NDJSON",
      seconds(ofKind("NDJSON").ms),
      "<= 1 s",
      ofKind("NDJSON").ms <= 1000,
    ),
    at("P11", "as YAML: one file, a hundred", yaml.map(seconds).join(", "), "<= 2 s", Math.max(...yaml) <= 2000),
    at("P11", "loop blocked meanwhile at most", `${blocked.toFixed(0)} ms`, "<= 50 ms", blocked <= 50),
    at("P12", "full rotation (GCP over gRPC) against the raw loop", times(gcp), ">= 0.60", gcp >= 0.6),
  ];
}

/** For people: a Markdown table, what stands behind the ratios, and what the machine did meanwhile. */
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
    `a pipeline of 100,000 ZADD: ${boot.rawMs.toFixed(0)} ms; a daemon with 100,000 fresh credentials: ready after ${(boot.readyMs / 1000).toFixed(1)} s`,
    `JSON.parse of the 100,000 lines alone: ${reading.parseMs.toFixed(0)} ms; an event loop that only waits: blocked ${reading.waitingBlockedMs.toFixed(1)} ms`,
    `noise of the machine: the same work on one core took ${at.noise.leastMs.toFixed(0)} to ${at.noise.mostMs.toFixed(0)} ms`,
    "",
  ];
  return lines.join("\n");
}
