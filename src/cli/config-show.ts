import { type Invocation, exitCode } from "./command.ts";
import { readConfig } from "./configuration.ts";
import { credentialEntries, settingsEntries, type Entry } from "./effective.ts";
import type { ConfigOption, OutputOption } from "./options.ts";
import { find } from "./select.ts";
import { table } from "./table.ts";

/** `evertoken config show [id]`: what holds after presets, defaults, templates and variables. References, never secrets. */
export async function configShowCommand({
  args: [id],
  options,
  io,
}: Invocation<ConfigOption & OutputOption>): Promise<number> {
  const { config } = await readConfig(options.config, io);
  const entries = id === undefined ? settingsEntries(config) : credentialEntries(find(config, id));
  if (options.output === "json") {
    const values = Object.fromEntries(entries.map(({ key, value }) => [key, value]));
    io.out(
      `${JSON.stringify({ schemaVersion: 1, ...(id !== undefined && { credential: id }), values }, undefined, 2)}\n`,
    );
    return exitCode.ok;
  }
  io.out(table(entries.map(cells)));
  if (id === undefined) {
    io.err(`${config.credentials.length} credentials; "evertoken config show ID" shows one\n`);
  }
  return exitCode.ok;
}

function cells({ key, value }: Entry): string[] {
  return [key, typeof value === "string" ? value : JSON.stringify(value)];
}
