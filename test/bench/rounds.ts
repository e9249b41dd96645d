import { median } from "./measure.ts";

/** The time of one lap, by the clock and of the CPU. */
export interface Lap {
  readonly ms: number;
  readonly cpuMs: number;
}

export interface Contestant {
  readonly name: string;
  lap(rotations: number): Promise<Lap>;
}

/** Laps of all contestants in turns, so that a slow moment of the machine meets all of them. */
export class Race {
  readonly #laps = new Map<string, Lap[]>();
  readonly #rotations: number;

  constructor(rotations: number) {
    this.#rotations = rotations;
  }

  /** Every second round runs in reverse order. The first round warms up and is not counted. */
  async run(contestants: readonly Contestant[], rounds: number): Promise<void> {
    for (let round = 0; round <= rounds; round++) {
      for (const { name, lap } of round % 2 === 0 ? contestants : contestants.toReversed()) {
        const taken = await lap(this.#rotations);
        if (round > 0) this.#laps.set(name, [...(this.#laps.get(name) ?? []), taken]);
      }
    }
  }

  names(): string[] {
    return [...this.#laps.keys()];
  }

  /** Rotations per second, by round. */
  rates(name: string): number[] {
    return this.#of(name).map(({ ms }) => (this.#rotations * 1000) / ms);
  }

  rate(name: string): number {
    return median(this.rates(name));
  }

  /** CPU milliseconds of one rotation, the median of the rounds. */
  cpuMs(name: string): number {
    return median(this.#of(name).map(({ cpuMs }) => cpuMs / this.#rotations));
  }

  /** How many times as fast as the other one was in the same round: the median of the rounds. */
  faster(one: string, other: string): number {
    const others = this.rates(other);
    return median(this.rates(one).map((rate, round) => rate / (others[round] ?? NaN)));
  }

  /** How many times the CPU time of the other one took in the same round: the median of the rounds. */
  dearer(one: string, other: string): number {
    const others = this.#of(other);
    return median(this.#of(one).map(({ cpuMs }, round) => cpuMs / (others[round]?.cpuMs ?? NaN)));
  }

  /** Distance between the fastest and the slowest round of a contestant, as a share of their median. */
  spread(name: string): number {
    const rates = this.rates(name);
    return (Math.max(...rates) - Math.min(...rates)) / median(rates);
  }

  #of(name: string): readonly Lap[] {
    return this.#laps.get(name) ?? [];
  }
}
