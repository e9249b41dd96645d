import { decodeHistory } from "../../core/rotation/history.ts";
import { formatInstant } from "../../core/instant.ts";
import { type Action, readActions } from "../../queue/operator-actions.ts";
import { keysOf } from "../../queue/keys.ts";
import { type Invocation, exitCode } from "../command.ts";
import { readConfig } from "../configuration.ts";
import { withRedis } from "../link.ts";
import type { ConfigOption, OutputOption } from "../options.ts";
import { findCredential } from "../select.ts";
import { formatRelative, formatTable } from "../table.ts";

/** `evertoken history <id>`: the last outcomes and the actions of operators, newest first. */
export async function historyCommand({
  args: [id = ""],
  options,
  io: given,
}: Invocation<ConfigOption & OutputOption>): Promise<number> {
  const { config } = await readConfig(options.config, given);
  const credential = findCredential(config, id);
  return withRedis(config, given, async (redis, io) => {
    const text = await redis.call("HGET", keysOf(redis.prefix, credential.provider).history, id);
    const moments = typeof text === "string" ? decodeHistory(text) : [];
    const actions = (await readActions(redis)).filter((action) => concerns(action, id, credential.provider));
    if (options.output === "json") {
      const document = {
        schemaVersion: 1,
        credential: id,
        provider: credential.provider,
        keep: config.history.keep,
        outcomes: moments.map(({ at, ...rest }) => ({ at: formatInstant(at), ...rest })),
        actions: actions.map(({ at, action, by, target, reason, until }) => ({
          at: formatInstant(at),
          action,
          by,
          target,
          ...(reason !== undefined && reason !== "" && { reason }),
          ...(until !== undefined && { until: formatInstant(until) }),
        })),
      };
      io.out(`${JSON.stringify(document, undefined, 2)}\n`);
      return exitCode.ok;
    }
    const rows = [
      ...moments.map(({ at, result, reason, revision, durationMs, store, class: className, code, times }) => {
        const detail =
          code === undefined ? `${durationMs} ms` : `${store === undefined ? "" : `${store}: `}${className} ${code}`;
        return { at, cells: [`${result}${times > 1 ? ` x${times}` : ""}`, String(revision), reason ?? "-", detail] };
      }),
      ...actions.map(({ at, action, by, reason }) => ({ at, cells: [action, "-", reason || "-", by] })),
    ].toSorted((a, b) => b.at - a.at);
    if (rows.length === 0) {
      io.err(`${id} has no history${config.history.keep === 0 ? ": history.keep is 0" : " yet"}\n`);
      return exitCode.ok;
    }
    const lines = rows.map(({ at, cells }) => [`${formatInstant(at)} (${formatRelative(at, io.now())})`, ...cells]);
    io.out(formatTable([["WHEN", "WHAT", "REVISION", "WHY", "DURATION, ERROR, WHO"], ...lines]));
    return exitCode.ok;
  });
}

function concerns(action: Action, id: string, provider: string): boolean {
  return action.providers === undefined ? action.credentials.includes(id) : action.providers.includes(provider);
}
