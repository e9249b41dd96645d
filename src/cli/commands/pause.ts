import { parseDuration } from "../../core/duration.ts";
import { formatInstant } from "../../core/instant.ts";
import { operatorPausesOf } from "../../queue/operator-pauses.ts";
import { type Result, goOn, report } from "../bulk.ts";
import { CommandError, type Invocation, exitCode } from "../command.ts";
import { readConfig } from "../configuration.ts";
import { withRedis } from "../link.ts";
import { operator, remember } from "../operator.ts";
import type { BulkOptions } from "../options.ts";
import { look, select } from "../select.ts";
import { relative } from "../table.ts";

interface PauseOptions extends BulkOptions {
  readonly for: string;
  readonly reason?: string;
}

const MOST_MS = 30 * 24 * 3600_000;

/** `evertoken pause`: nothing is claimed until the end. It always ends: a pause that is forgotten would let tokens die. */
export async function pauseCommand({ args, options, io }: Invocation<PauseOptions>): Promise<number> {
  const forMs = parseDuration(options.for);
  if (forMs === undefined || forMs === 0 || forMs > MOST_MS) {
    throw new CommandError("--for wants a duration of at most 30d, like 2h", exitCode.usage);
  }
  const { reason = "" } = options;
  if (reason.length > 200) throw new CommandError("--reason has at most 200 characters", exitCode.usage);
  const { config } = await readConfig(options.config, io);
  const selection = select(config, args, options);
  return withRedis(config, io, async (redis) => {
    const looks = await look(redis, selection, io.now());
    if (!(await goOn("pause", selection, looks, options, io))) return exitCode.ok;
    const note = { by: operator(), since: io.now(), reason };
    const until = io.now() + forMs;
    const said = `paused until ${formatInstant(until)} (${relative(until, io.now())})`;
    const { providers } = selection;
    const credentials = looks.map(({ id }) => id);
    await remember(
      redis,
      { action: "pause", target: selection.said, credentials, reason, until, ...(providers && { providers }) },
      io,
    );
    if (providers !== undefined) {
      for (const provider of providers) await operatorPausesOf(redis, provider).pause("all", forMs, note);
      const results = providers.map((provider): Result => {
        return { credential: `provider ${provider}`, result: "paused", code: exitCode.ok, said };
      });
      return report("pause", results, options, io);
    }
    const results: Result[] = [];
    for (const [provider, some] of Map.groupBy(looks, (each) => each.provider)) {
      const scheduled = some.filter(({ nextAt }) => nextAt !== undefined);
      await operatorPausesOf(redis, provider).pause(
        scheduled.map(({ id }) => id),
        forMs,
        note,
      );
      for (const { id, nextAt } of some) results.push(nextAt === undefined ? unscheduled(id) : paused(id, said));
    }
    return report("pause", results, options, io);
  });
}

function paused(credential: string, said: string): Result {
  return { credential, result: "paused", code: exitCode.ok, said };
}

function unscheduled(credential: string): Result {
  const said = "configured but not scheduled: is a daemon with this configuration running?";
  return { credential, result: "unscheduled", code: exitCode.runtime, said };
}
