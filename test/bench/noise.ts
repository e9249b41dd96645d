/** How fast the machine is during the bench: the time of the same work on one core, sampled now and then. */
export interface Noise {
  sample(): void;
  /** Milliseconds of the shortest and the longest sample. */
  range(): { readonly leastMs: number; readonly mostMs: number };
}

const SPINS = 5;

export function machineNoise(): Noise {
  const times: number[] = [];
  const noise: Noise = {
    sample() {
      for (let i = 0; i < SPINS; i++) times.push(spin());
    },
    range: () => ({ leastMs: Math.min(...times), mostMs: Math.max(...times) }),
  };
  spin(); // so that V8 has compiled it
  noise.sample();
  return noise;
}

function spin(): number {
  const at = performance.now();
  let sum = 0;
  for (let i = 0; i < 20_000_000; i++) sum = (sum * 31 + i) | 0;
  if (sum === 42) throw new Error("this cannot be");
  return performance.now() - at;
}
