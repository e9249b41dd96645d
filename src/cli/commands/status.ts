import { waitUnlessAborted } from "../../core/wait.ts";
import type { Config } from "../../config/config.ts";
import { parseDuration } from "../../core/duration.ts";
import type { RedisLink } from "../../queue/redis/link.ts";
import { CommandError, type Invocation, exitCode } from "../command.ts";
import { readConfig } from "../configuration.ts";
import type { Io } from "../io.ts";
import { withRedis } from "../link.ts";
import type { ConfigOption, SelectionOptions } from "../options.ts";
import { find, look, select } from "../select.ts";
import { credentialView } from "./status/credential.ts";
import { fleetView } from "./status/fleet.ts";
import { listView } from "./status/list.ts";
import type { View } from "./status/view.ts";

interface StatusOptions extends ConfigOption, SelectionOptions {
  readonly output: "table" | "wide" | "json" | "ndjson";
  readonly watch?: true | string;
}

const WATCH_MS = 2000;
const CLEAR = "\u001B[H\u001B[2J\u001B[3J";

/** `evertoken status`: the fleet, one credential, or a list. Exit code 3 when somebody must act. */
export async function statusCommand({ args, options, io }: Invocation<StatusOptions>): Promise<number> {
  const everyMs = typeof options.watch === "string" ? parseDuration(options.watch) : WATCH_MS;
  if (everyMs === undefined || everyMs < 100)
    throw new CommandError("--watch wants a duration like 5s", exitCode.usage);
  const { config } = await readConfig(options.config, io);
  return withRedis(config, io, async (redis) => {
    const view = viewer(config, args, options, redis, io);
    for (;;) {
      const seen = await view();
      if (options.watch !== undefined && io.terminal.output) io.out(CLEAR);
      io.out(rendered(seen, options));
      if (options.watch === undefined) return seen.healthy ? exitCode.ok : exitCode.unhealthy;
      await waitUnlessAborted(everyMs, io.stop);
      if (io.stop.aborted) return exitCode.interrupted;
    }
  });
}

/** What the arguments ask for is checked once; the view is made anew for every look. */
function viewer(
  config: Config,
  ids: readonly string[],
  options: StatusOptions,
  redis: RedisLink,
  io: Io,
): () => Promise<View> {
  const { provider, selector, state, all } = options;
  const [id] = ids;
  if (id === undefined && provider === undefined && selector === undefined && state === undefined && all !== true) {
    return () => fleetView(config, redis, io);
  }
  const selection = select(config, ids, options);
  if (id !== undefined && ids.length === 1 && options.output !== "wide") {
    const credential = find(config, id);
    return () => credentialView(credential, redis, io);
  }
  return async () => {
    const looks = await look(redis, selection, io.now());
    // To have none in a state is good news, not a mistake.
    if (looks.length === 0) io.err(`no credential is in ${selection.said}\n`);
    return listView(looks, io);
  };
}

function rendered(view: View, { output, watch }: StatusOptions): string {
  if (output === "ndjson" || (output === "json" && watch !== undefined)) {
    const lines = output === "ndjson" ? (view.lines ?? [view.json]) : [view.json];
    return lines.map((line) => `${JSON.stringify(line)}\n`).join("");
  }
  return output === "json" ? `${JSON.stringify(view.json, undefined, 2)}\n` : view.text(output === "wide");
}
