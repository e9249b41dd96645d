import { operatorPausesOf } from "../../queue/operator-pauses.ts";
import { type Result, confirmCommand, reportResults } from "../bulk.ts";
import { type Invocation, exitCode } from "../command.ts";
import { readConfig } from "../configuration.ts";
import { withRedis } from "../link.ts";
import { recordOperatorAction } from "../operator.ts";
import type { BulkOptions } from "../options.ts";
import { listNames, readSelected, selectCredentials } from "../select.ts";

/**
 * `evertoken resume`: ends the pauses of operators; what was due is due again. A pause that the provider asked for
 * (Retry-After) goes on.
 */
export async function resumeCommand({ args, options, io: given }: Invocation<BulkOptions>): Promise<number> {
  const { config } = await readConfig(options.config, given);
  const selection = selectCredentials(config, args, options);
  return withRedis(config, given, async (redis, io) => {
    const views = await readSelected(redis, selection, io.now());
    if (!(await confirmCommand({ verb: "resume", selection, views, options, io }))) return exitCode.ok;
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
