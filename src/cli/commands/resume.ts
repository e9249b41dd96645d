import { operatorPausesOf } from "../../queue/operator-pauses.ts";
import { type Result, goOn, report } from "../bulk.ts";
import { type Invocation, exitCode } from "../command.ts";
import { readConfig } from "../configuration.ts";
import { withRedis } from "../link.ts";
import { remember } from "../operator.ts";
import type { BulkOptions } from "../options.ts";
import { list, look, select } from "../select.ts";

/** `evertoken resume`: ends operators' pauses; what was due is due again. A provider's Retry-After goes on. */
export async function resumeCommand({ args, options, io }: Invocation<BulkOptions>): Promise<number> {
  const { config } = await readConfig(options.config, io);
  const selection = select(config, args, options);
  return withRedis(config, io, async (redis) => {
    const looks = await look(redis, selection, io.now());
    if (!(await goOn("resume", selection, looks, options, io))) return exitCode.ok;
    const { providers } = selection;
    const credentials = looks.map(({ id }) => id);
    await remember(
      redis,
      { action: "resume", target: selection.said, credentials, ...(providers && { providers }) },
      io,
    );
    const results: Result[] = [];
    for (const [provider, some] of Map.groupBy(looks, (each) => each.provider)) {
      const halts = operatorPausesOf(redis, provider);
      const before = await halts.read(io.now());
      if (providers !== undefined) {
        await halts.resume("all");
        // Everything is everything; a provider is not the credentials that were paused by themselves.
        const own = [...before.credentials.keys()];
        if (options.all === true) await halts.resume(own);
        results.push(ofProvider(provider, before.provider !== undefined, options.all === true ? [] : own));
        continue;
      }
      await halts.resume(some.map(({ id }) => id));
      for (const { id } of some)
        results.push(ofCredential(id, before.credentials.has(id), before.provider && provider));
    }
    return report("resume", results, options, io);
  });
}

function ofProvider(provider: string, paused: boolean, left: readonly string[]): Result {
  const rest =
    left.length === 0 ? "" : `; still paused by themselves, to be resumed by id or with --all: ${list(left)}`;
  const said = `${paused ? "resumed" : "was not paused"}${rest}`;
  return { credential: `provider ${provider}`, result: paused ? "resumed" : "unchanged", code: exitCode.ok, said };
}

function ofCredential(credential: string, paused: boolean, provider: string | undefined): Result {
  if (provider !== undefined) {
    const said = `its provider is paused: "evertoken resume --provider ${provider}"`;
    return { credential, result: "paused", code: exitCode.runtime, said };
  }
  return paused
    ? { credential, result: "resumed", code: exitCode.ok, said: "resumed" }
    : { credential, result: "unchanged", code: exitCode.ok, said: "was not paused" };
}
