import type { OptionSpec } from "./command.ts";

/** Options that several commands share. */

export interface ConfigOption {
  readonly config?: string;
}

export const config: OptionSpec = {
  flags: "-c, --config <file>",
  help: "configuration file (default: $EVERTOKEN_CONFIG)",
};

export interface OutputOption {
  readonly output: "text" | "json";
}

export const output: OptionSpec = {
  flags: "-o, --output <format>",
  help: "output",
  choices: ["text", "json"],
  byDefault: "text",
};
