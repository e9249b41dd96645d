import { CREDENTIAL_STATES } from "../core/states.ts";
import type { OptionSpec } from "./command.ts";

/** The options that several commands share. */

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
  { flags: "--provider <name>", help: "credentials of this provider" },
  { flags: "-l, --selector <labels>", help: "credentials with these labels, such as env=prod,tier!=free" },
  {
    flags: "--state <states>",
    help: `credentials in one of these states: ${CREDENTIAL_STATES.join(", ")}`,
    suggested: CREDENTIAL_STATES,
  },
  { flags: "--all", help: "all credentials" },
];

export interface BulkOptions extends ConfigOption, OutputOption, SelectionOptions {
  readonly yes?: boolean;
  readonly dryRun?: boolean;
}

export const bulk: readonly OptionSpec[] = [
  config,
  ...selection,
  { flags: "-y, --yes", help: "do not ask for confirmation" },
  { flags: "--dry-run", help: "show what would be done, and do nothing" },
  output,
];

export interface WaitOptions {
  readonly wait?: boolean;
  readonly timeout: string;
  readonly rate?: string;
}

export const waiting: readonly OptionSpec[] = [
  { flags: "-w, --wait", help: "wait until the daemon has done it" },
  { flags: "--timeout <duration>", help: "how long --wait waits", byDefault: "60s" },
  {
    flags: "--rate <rate>",
    help: "at most this many, such as 5/s or 100/m; the limits of the provider hold as well",
  },
];
