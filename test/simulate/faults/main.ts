import { connectRedis } from "../../fakes/redis-link.ts";
import { startRedis } from "../../fakes/redis.ts";
import { simulateFaults } from "./simulate.ts";
import { simulateRedis } from "./redis.ts";

/** `npm run simulate -- --faults [--seed N] [--steps N]`: see test/simulate/README.md. Returns the exit code. */
export async function runFaults({ seed, steps }: { seed: number | undefined; steps: number }): Promise<number> {
  await using server = await startRedis();
  const link = await connectRedis(server);
  const redis = simulateRedis(link);
  const startedAt = performance.now();
  let done = 0;
  let episodes = 0;
  let exchanges = 0;
  let code = 0;
  for (let next = seed ?? 1; seed === undefined ? done < steps : next === seed; next++) {
    const episode = await simulateFaults(next, redis);
    done += episode.steps;
    episodes += 1;
    exchanges += episode.exchanges;
    if (seed !== undefined) process.stdout.write(`seed ${next}: ${episode.steps} steps, ${episode.fingerprint}\n`);
    if (episode.violation === undefined) continue;
    const { text, story } = episode.violation;
    process.stdout.write(`${story.join("\n")}\n\n${text}\nagain: npm run simulate -- --faults --seed ${next}\n`);
    code = 1;
    break;
  }
  const seconds = (performance.now() - startedAt) / 1000;
  process.stdout.write(`${done} steps, ${episodes} episodes, ${exchanges} exchanges, ${seconds.toFixed(1)} s\n`);
  await link.close(true);
  return code;
}
