import { dueIndex } from "../../queue/due-index.ts";
import { operatorPausesOf } from "../../queue/operator-pauses.ts";
import type { RedisLink } from "../../queue/redis/link.ts";
import type { CredentialView } from "../../queue/views/credentials.ts";
import { type Result, confirmCommand, reportResults } from "../bulk.ts";
import { CommandError, type Invocation, exitCode } from "../command.ts";
import { readConfig } from "../configuration.ts";
import { withRedis } from "../link.ts";
import { recordOperatorAction } from "../operator.ts";
import type { BulkOptions } from "../options.ts";
import { listNames, readSelected, selectCredentials } from "../select.ts";

interface ResumeOptions extends BulkOptions {
  readonly cooldown?: boolean;
}

/**
 * `evertoken resume`: ends the pauses of operators; what was due is due again. With `--cooldown` it ends the pause that
 * the provider asked for (Retry-After) instead: each leaves the other alone.
 */
export async function resumeCommand({ args, options, io: given }: Invocation<ResumeOptions>): Promise<number> {
  const { config } = await readConfig(options.config, given);
  const selection = selectCredentials(config, args, options);
  if (options.cooldown === true && selection.providers === undefined) {
    throw new CommandError(
      "--cooldown ends the pause that a whole provider asked for: give --provider NAME alone, or --all",
      exitCode.usage,
    );
  }
  return withRedis(config, given, async (redis, io) => {
    const views = await readSelected(redis, selection, io.now());
    if (!(await confirmCommand({ verb: "resume", selection, views, options, io }))) return exitCode.ok;
    if (options.cooldown === true) {
      const target = `${selection.description} --cooldown`;
      await recordOperatorAction(redis, io, { action: "resume", target, credentials: views.map(({ id }) => id) });
      const results = await endCooldowns(redis, selection.providers ?? [], views);
      return reportResults(results, { action: "resume", options, io });
    }
    const { providers, description: target } = selection;
    const credentials = views.map(({ id }) => id);
    const action = { action: "resume", target, credentials, ...(providers && { providers }) } as const;
    await recordOperatorAction(redis, io, action);
    const results: Result[] = [];
    for (const [provider, some] of Map.groupBy(views, (view) => view.provider)) {
      const pauses = operatorPausesOf(redis, provider);
      const before = await pauses.read(io.now());
      if (providers !== undefined) {
        await pauses.resume("all");
        // --all ends every pause; --provider leaves those of single credentials.
        const own = [...before.credentials.keys()];
        if (options.all === true) await pauses.resume(own);
        results.push(providerResult(provider, before.provider !== undefined, options.all === true ? [] : own));
        continue;
      }
      await pauses.resume(some.map(({ id }) => id));
      for (const { id } of some) {
        results.push(credentialResult(id, before.credentials.has(id), before.provider && provider));
      }
    }
    return reportResults(results, { action: "resume", options, io });
  });
}

/** What was throttled itself has a next try of its own: it is asked for now, as by `rotate`. */
async function endCooldowns(
  redis: RedisLink,
  providers: readonly string[],
  views: readonly CredentialView[],
): Promise<Result[]> {
  const results: Result[] = [];
  for (const provider of providers) {
    const due = dueIndex(redis, provider);
    const ended = await due.endCooldown();
    const throttled = views.filter((view) => view.provider === provider && view.failing?.class === "throttled");
    if (ended > 0) for (const { id } of throttled) await due.request(id);
    const text = ended > 0 ? "its cooldown has ended; what is due is sent" : "had no cooldown";
    const result = ended > 0 ? "resumed" : "unchanged";
    results.push({ credential: `provider ${provider}`, result, code: exitCode.ok, text });
  }
  return results;
}

function providerResult(provider: string, paused: boolean, stillPaused: readonly string[]): Result {
  const rest =
    stillPaused.length === 0
      ? ""
      : `; these credentials have a pause of their own (resume them by id, or use --all): ${listNames(stillPaused)}`;
  const text = `${paused ? "resumed" : "was not paused"}${rest}`;
  return { credential: `provider ${provider}`, result: paused ? "resumed" : "unchanged", code: exitCode.ok, text };
}

function credentialResult(credential: string, paused: boolean, pausedProvider: string | undefined): Result {
  if (pausedProvider !== undefined) {
    const text = `the provider is paused: "evertoken resume --provider ${pausedProvider}"`;
    return { credential, result: "paused", code: exitCode.runtime, text };
  }
  return paused
    ? { credential, result: "resumed", code: exitCode.ok, text: "resumed" }
    : { credential, result: "unchanged", code: exitCode.ok, text: "was not paused" };
}
