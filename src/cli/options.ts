import { CREDENTIAL_STATES } from "../core/states.ts";
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

export interface SelectionOptions {
  readonly provider?: string;
  readonly selector?: string;
  readonly state?: string;
  readonly all?: boolean;
}

export const selection: readonly OptionSpec[] = [
  { flags: "--provider <name>", help: "the credentials of a provider" },
  { flags: "-l, --selector <labels>", help: "those with these labels: env=prod,tier!=free" },
  {
    flags: "--state <states>",
    help: `those in a state, or one of several: ${CREDENTIAL_STATES.join(", ")}`,
    suggested: CREDENTIAL_STATES,
  },
  { flags: "--all", help: "all of them" },
];

export interface BulkOptions extends ConfigOption, OutputOption, SelectionOptions {
  readonly yes?: boolean;
  readonly dryRun?: boolean;
}

export const bulk: readonly OptionSpec[] = [
  config,
  ...selection,
  { flags: "-y, --yes", help: "do not ask, however many they are" },
  { flags: "--dry-run", help: "say what would be done, and do nothing" },
  output,
];

export interface WaitOptions {
  readonly wait?: boolean;
  readonly timeout: string;
  readonly rate?: string;
}

export const waiting: readonly OptionSpec[] = [
  { flags: "-w, --wait", help: "wait until it is done" },
  { flags: "--timeout <duration>", help: "with --wait: how long", byDefault: "60s" },
  {
    flags: "--rate <rate>",
    help: "no more than so many, such as 5/s or 100/m; the provider's limits hold all the same",
  },
];
