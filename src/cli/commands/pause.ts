import { parseDuration } from "../../core/duration.ts";
import { formatInstant } from "../../core/instant.ts";
import { operatorPausesOf } from "../../queue/operator-pauses.ts";
import { type Result, confirmCommand, reportResults } from "../bulk.ts";
import { CommandError, type Invocation, exitCode } from "../command.ts";
import { readConfig } from "../configuration.ts";
import { withRedis } from "../link.ts";
import { operatorName, recordOperatorAction } from "../operator.ts";
import { unscheduledResult } from "../operator-request.ts";
import type { BulkOptions } from "../options.ts";
import { readSelected, selectCredentials } from "../select.ts";
import { formatRelative } from "../table.ts";

interface PauseOptions extends BulkOptions {
  readonly for: string;
  readonly reason?: string;
}

const MAX_MS = 30 * 24 * 3600_000;
const REASON_MAX = 200;

/**
 * `evertoken pause`: nothing is claimed until the pause ends. It always ends: a forgotten pause would let tokens die.
 */
export async function pauseCommand({ args, options, io: given }: Invocation<PauseOptions>): Promise<number> {
  const forMs = parseDuration(options.for);
  if (forMs === undefined || forMs === 0 || forMs > MAX_MS) {
    throw new CommandError("--for wants a duration of at most 30d, like 2h", exitCode.usage);
  }
  const { reason = "" } = options;
  if (reason.length > REASON_MAX) throw new CommandError("--reason has at most 200 characters", exitCode.usage);
  const { config } = await readConfig(options.config, given);
  const selection = selectCredentials(config, args, options);
  return withRedis(config, given, async (redis, io) => {
    const views = await readSelected(redis, selection, io.now());
    if (!(await confirmCommand({ verb: "pause", selection, views, options, io }))) return exitCode.ok;
    const note = { by: operatorName(), since: io.now(), reason };
    const until = io.now() + forMs;
    const { providers, description: target } = selection;
    const credentials = views.map(({ id }) => id);
    const action = { action: "pause", target, credentials, reason, until, ...(providers && { providers }) } as const;
    await recordOperatorAction(redis, io, action);
    const text = `paused until ${formatInstant(until)} (${formatRelative(until, io.now())})`;
    const pausedResult = (credential: string): Result => {
      return { credential, result: "paused", code: exitCode.ok, text };
    };
    const results: Result[] = [];
    if (providers !== undefined) {
      for (const provider of providers) {
        await operatorPausesOf(redis, provider).pause("all", forMs, note);
        results.push(pausedResult(`provider ${provider}`));
      }
    } else {
      for (const [provider, some] of Map.groupBy(views, (view) => view.provider)) {
        const scheduled = some.filter(({ nextAt }) => nextAt !== undefined).map(({ id }) => id);
        await operatorPausesOf(redis, provider).pause(scheduled, forMs, note);
        for (const { id, nextAt } of some) {
          results.push(nextAt === undefined ? unscheduledResult(id) : pausedResult(id));
        }
      }
    }
    return reportResults(results, { action: "pause", options, io });
  });
}
