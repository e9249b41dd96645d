import { median } from "./measure.ts";

/** What a round took: of the clock, and of CPU time. */
export interface Lap {
  readonly ms: number;
  readonly cpuMs: number;
}

export interface Contestant {
  readonly name: string;
  lap(rotations: number): Promise<Lap>;
}

/** Laps of everyone, in turns: what the machine does meanwhile meets all of them. */
export class Race {
  readonly #laps = new Map<string, Lap[]>();
  readonly #rotations: number;

  constructor(rotations: number) {
    this.#rotations = rotations;
  }

  /** Every second round the other way round. The first one warms up, and is not counted. */
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

  /** Rotations per second in each round. */
  rates(name: string): number[] {
    return this.#of(name).map(({ ms }) => (this.#rotations * 1000) / ms);
  }

  rate(name: string): number {
    return median(this.rates(name));
  }

  /** CPU milliseconds of one rotation. */
  cpuMs(name: string): number {
    return median(this.#of(name).map(({ cpuMs }) => cpuMs / this.#rotations));
  }

  /** The median over the rounds of how much faster one was than the other in the same round. */
  faster(one: string, other: string): number {
    const others = this.rates(other);
    return median(this.rates(one).map((rate, round) => rate / (others[round] ?? NaN)));
  }

  /** The same of CPU time, how much more one takes. */
  dearer(one: string, other: string): number {
    const others = this.#of(other);
    return median(this.#of(one).map(({ cpuMs }, round) => cpuMs / (others[round]?.cpuMs ?? NaN)));
  }

  /** How far the rounds of one contestant lie apart, as a share of their median. */
  spread(name: string): number {
    const rates = this.rates(name);
    return (Math.max(...rates) - Math.min(...rates)) / median(rates);
  }

  #of(name: string): readonly Lap[] {
    return this.#laps.get(name) ?? [];
  }
}
