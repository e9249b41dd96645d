/** What the machine is worth at the moment: the same work on one core, looked at now and then. */
export interface Noise {
  look(): void;
  /** Milliseconds of the shortest and the longest. */
  seen(): { readonly leastMs: number; readonly mostMs: number };
}

const LOOKS = 5;

export function machineNoise(): Noise {
  const times: number[] = [];
  const noise: Noise = {
    look() {
      for (let i = 0; i < LOOKS; i++) times.push(spin());
    },
    seen: () => ({ leastMs: Math.min(...times), mostMs: Math.max(...times) }),
  };
  spin(); // compiled
  noise.look();
  return noise;
}

function spin(): number {
  const at = performance.now();
  let sum = 0;
  for (let i = 0; i < 20_000_000; i++) sum = (sum * 31 + i) | 0;
  if (sum === 42) throw new Error("this cannot be");
  return performance.now() - at;
}
