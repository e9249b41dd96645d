import { parseDuration } from "../../core/duration.ts";
import { waitUnlessAborted } from "../../core/wait.ts";
import type { Config } from "../../config/config.ts";
import type { RedisLink } from "../../queue/redis/link.ts";
import { CommandError, type Invocation, exitCode } from "../command.ts";
import { readConfig } from "../configuration.ts";
import { withRedis } from "../link.ts";
import type { ConfigOption, SelectionOptions } from "../options.ts";
import { findCredential, readSelected, selectCredentials } from "../select.ts";
import { credentialView } from "./status/credential.ts";
import { fleetView } from "./status/fleet.ts";
import { listView } from "./status/list.ts";
import type { View } from "./status/view.ts";

interface StatusOptions extends ConfigOption, SelectionOptions {
  readonly output: "table" | "wide" | "json" | "ndjson";
  readonly watch?: true | string;
}

const WATCH_MS = 2000;
const WATCH_MIN_MS = 100;
const CLEAR = "\u001B[H\u001B[2J\u001B[3J";

/** `evertoken status`: the fleet, one credential, or a list. Exit code 3 when somebody must act. */
export async function statusCommand(invocation: Invocation<StatusOptions>): Promise<number> {
  const { options } = invocation;
  const everyMs = typeof options.watch === "string" ? parseDuration(options.watch) : WATCH_MS;
  if (everyMs === undefined || everyMs < WATCH_MIN_MS)
    throw new CommandError("--watch wants a duration like 5s", exitCode.usage);
  const { config } = await readConfig(options.config, invocation.io);
  return withRedis(config, invocation.io, async (redis, io) => {
    const readView = chooseView({ ...invocation, io }, config, redis);
    for (;;) {
      const view = await readView();
      if (options.watch !== undefined && io.terminal.output) io.out(CLEAR);
      io.out(renderView(view, options));
      if (options.watch === undefined) return view.healthy ? exitCode.ok : exitCode.unhealthy;
      if (!(await waitUnlessAborted(everyMs, io.stop))) return exitCode.interrupted;
    }
  });
}

/** The arguments are checked once; the view is read anew at every turn of --watch. */
function chooseView(
  { args, options, io }: Invocation<StatusOptions>,
  config: Config,
  redis: RedisLink,
): () => Promise<View> {
  const { provider, selector, state, all } = options;
  const [id] = args;
  if (id === undefined && provider === undefined && selector === undefined && state === undefined && all !== true) {
    return () => fleetView(config, redis, io);
  }
  const selection = selectCredentials(config, args, options);
  if (id !== undefined && args.length === 1 && options.output !== "wide") {
    const credential = findCredential(config, id);
    return () => credentialView(credential, redis, io);
  }
  return async () => {
    const views = await readSelected(redis, selection, io.now());
    // No credential in a state is good news, not a mistake.
    if (views.length === 0) io.err(`no credential is in ${selection.description}\n`);
    return listView(views, io);
  };
}

function renderView(view: View, { output, watch }: StatusOptions): string {
  if (output === "ndjson" || (output === "json" && watch !== undefined)) {
    const lines = output === "ndjson" ? (view.lines ?? [view.json]) : [view.json];
    return lines.map((line) => `${JSON.stringify(line)}\n`).join("");
  }
  return output === "json" ? `${JSON.stringify(view.json, undefined, 2)}\n` : view.text(output === "wide");
}
