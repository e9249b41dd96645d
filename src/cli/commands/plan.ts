import type { Instant } from "../../core/credential.ts";
import type { RunningState } from "../../core/plan/changes.ts";
import { makePlan } from "../../core/plan/plan.ts";
import type { Config } from "../../config/config.ts";
import { RedisError } from "../../queue/redis/link.ts";
import { readForecasts } from "../../queue/views/forecast.ts";
import { CommandError, type Invocation, exitCode } from "../command.ts";
import { readConfig } from "../configuration.ts";
import type { Io } from "../io.ts";
import { withRedis } from "../link.ts";
import type { ConfigOption } from "../options.ts";
import { formatPlan } from "./plan/text.ts";

interface PlanOptions extends ConfigOption {
  readonly output: "table" | "json";
  readonly offline?: boolean;
  readonly detailedExitcode?: boolean;
}

/** `evertoken plan`: exit code 2 if a quota is exceeded, 4 with --detailed-exitcode if there are changes. */
export async function planCommand({ options, io }: Invocation<PlanOptions>): Promise<number> {
  const { config } = await readConfig(options.config, io);
  const running = options.offline === true ? undefined : await readRunningState(config, io);
  const plan = makePlan(config, running?.state, running?.now ?? io.now());
  io.out(options.output === "json" ? `${JSON.stringify(plan, undefined, 2)}\n` : formatPlan(plan));
  if (plan.findings.some(({ severity }) => severity === "exceeded")) return exitCode.usage;
  const { added, changed, removed } = plan.changes;
  const changes = added.count + changed.count + removed.count > 0;
  return options.detailedExitcode === true && changes ? exitCode.changes : exitCode.ok;
}

/** Undefined if no daemon runs: the plan is then made from the configuration alone. */
async function readRunningState(
  config: Config,
  io: Io,
): Promise<{ readonly state: RunningState; readonly now: Instant } | undefined> {
  try {
    return await withRedis(config, io, async (redis, { now }) => {
      const state = new Map<string, Awaited<ReturnType<typeof readForecasts>>>();
      for (const name of config.providers.keys()) state.set(name, await readForecasts(redis, name));
      return { state, now: now() };
    });
  } catch (error) {
    if (!(error instanceof RedisError) && !(error instanceof CommandError)) throw error;
    io.err(`no running state (${error.message}): this plan is made from the configuration alone\n`);
    return undefined;
  }
}
