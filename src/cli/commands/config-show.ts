import { type Origin, originsOf } from "../../config/origins.ts";
import { type Invocation, exitCode } from "../command.ts";
import { configPath, readConfig } from "../configuration.ts";
import { type Entry, credentialEntries, settingsEntries } from "./config-show/entries.ts";
import type { ConfigOption, OutputOption } from "../options.ts";
import { findCredential } from "../select.ts";
import { formatTable } from "../table.ts";

interface ShowOptions extends ConfigOption, OutputOption {
  readonly origin?: boolean;
}

/**
 * `evertoken config show [id]`: the values in effect after presets, defaults, templates and variables. Secrets are
 * shown as references.
 */
export async function configShowCommand({ args: [id], options, io }: Invocation<ShowOptions>): Promise<number> {
  const { config } = await readConfig(options.config, io);
  const entries = id === undefined ? settingsEntries(config) : credentialEntries(findCredential(config, id));
  const below = id === undefined ? [] : ["credentials", id];
  const paths = entries.map(({ path }) => [...below, ...path]);
  const origins = options.origin === true ? await originsOf(configPath(options.config, io), io.env, paths) : undefined;
  if (options.output === "json") {
    const keyed = <T>(of: (entry: Entry, i: number) => T): Readonly<Record<string, T>> =>
      Object.fromEntries(entries.map((entry, i) => [keyOf(entry), of(entry, i)]));
    const document = {
      schemaVersion: 1,
      ...(id !== undefined && { credential: id }),
      values: keyed(({ value }) => value),
      ...(origins && { origins: keyed((_, i) => originText(origins[i])) }),
    };
    io.out(`${JSON.stringify(document, undefined, 2)}\n`);
    return exitCode.ok;
  }
  const rows = entries.map((entry, i) => {
    const { value } = entry;
    const cells = [keyOf(entry), typeof value === "string" ? JSON.stringify(value).slice(1, -1) : String(value)];
    return origins === undefined ? cells : [...cells, io.paint("faint", originText(origins[i]))];
  });
  io.out(formatTable(rows));
  if (id === undefined) {
    io.err(`${config.credentials.length} credentials; "evertoken config show ID" shows one\n`);
  }
  return exitCode.ok;
}

function keyOf({ path }: Entry): string {
  return path.join(".");
}

function originText(origin: Origin | undefined): string {
  if (origin === undefined || origin === "built in") return "built in";
  if ("preset" in origin) return `preset ${origin.preset}`;
  return `${origin.file}:${origin.line}${origin.variable ? " (variable)" : ""}`;
}
