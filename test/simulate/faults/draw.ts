import { seeded } from "../../fakes/seeded.ts";

/** Everything that is drawn, from one seed. */
export interface Draw {
  /** In [0, 1). */
  random(): number;
  between(least: number, most: number): number;
  whole(least: number, most: number): number;
  chance(share: number): boolean;
  /** MUST be given at least one. */
  oneOf<T>(values: readonly T[]): T;
  /** A source of its own for one actor: what others draw does not change it. */
  fork(): Draw;
}

export function drawFrom(seed: number): Draw {
  const random = seeded(seed);
  const between = (least: number, most: number): number => least + random() * (most - least);
  const whole = (least: number, most: number): number => Math.floor(between(least, most + 1));
  return {
    random,
    between,
    whole,
    chance: (share) => random() < share,
    oneOf: (values) => values[whole(0, values.length - 1)] as (typeof values)[number],
    fork: () => drawFrom(whole(0, 2 ** 31)),
  };
}
