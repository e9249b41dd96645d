import type { CommandSpec } from "../command.ts";
import * as option from "../options.ts";

/** Every command. A new command is a file in this folder and a declaration here. */
export const commands: readonly CommandSpec[] = [
  {
    name: "run",
    summary: "keep the tokens of the configuration fresh until SIGTERM",
    options: [option.config],
    examples: [["run --config config.yaml", "until SIGTERM; a second signal does not wait for jobs under way"]],
    drains: true,
    load: async () => (await import("./run.ts")).runCommand,
  },
  {
    name: "validate",
    summary: "check a configuration and report every problem with its position",
    options: [
      option.config,
      { flags: "--offline", help: "do not read the secrets and CA files that the configuration names" },
      option.output,
    ],
    examples: [
      ["validate --config config.yaml", "the configuration, and the files and secrets that it names"],
      ["validate --offline -o json", "in a pipeline, without the secrets"],
    ],
    load: async () => (await import("./validate.ts")).validateCommand,
  },
  {
    name: "plan",
    summary: "forecast load, quotas, cost, roll-out and recovery, and compare with the running state if there is one",
    options: [
      option.config,
      { flags: "-o, --output <format>", help: "output", choices: ["table", "json"], byDefault: "table" },
      { flags: "--offline", help: "use the configuration alone, even if a daemon runs" },
      { flags: "--detailed-exitcode", help: "exit code 4 if credentials would be added, changed or removed" },
    ],
    examples: [
      ["plan --config config.yaml", "before anything runs, or before a change"],
      ["plan --detailed-exitcode -o json", "for programs"],
    ],
    exits: ["changes"],
    load: async () => (await import("./plan.ts")).planCommand,
  },
  {
    name: "status",
    summary: "show what needs attention, everything about one credential, or a list",
    arguments: [{ form: "[id...]", help: "credentials" }],
    options: [
      option.config,
      ...option.selection,
      { flags: "--watch [interval]", help: "repeat every 2s, or every INTERVAL, until Ctrl-C" },
      {
        flags: "-o, --output <format>",
        help: "output",
        choices: ["table", "wide", "json", "ndjson"],
        byDefault: "table",
      },
    ],
    examples: [
      ["status", "the whole fleet"],
      ["status acme", "everything about one credential"],
      ["status --state needs_attention,retrying -o wide", "what fails, and why"],
      ["status -l env=prod -o ndjson", "one line of JSON for each credential"],
    ],
    exits: ["unhealthy"],
    load: async () => (await import("./status.ts")).statusCommand,
  },
  {
    name: "rotate",
    summary: "obtain a new token now, whatever the schedule says; within quotas and pauses",
    arguments: [{ form: "[id...]", help: "credentials" }],
    options: [
      ...option.bulk,
      { flags: "--failed", help: "same as --state needs_attention,retrying" },
      ...option.waiting,
    ],
    examples: [
      ["rotate acme --wait", "a new token for acme, now"],
      ["rotate --provider cyclr-eu --failed --rate 5/s", "after a secret was corrected"],
      ["rotate -l env=prod --dry-run", "show which credentials that would be"],
    ],
    exits: ["partial", "timedOut"],
    load: async () => (await import("./rotate.ts")).rotateCommand,
  },
  {
    name: "publish",
    summary: "ask the stores what they hold, and publish a token that waits; without an exchange",
    arguments: [{ form: "[id...]", help: "credentials" }],
    options: [...option.bulk, ...option.waiting],
    examples: [
      ["publish acme --wait", "now instead of at the next retry"],
      ["publish --state unpublished", "every credential that waits for a store"],
    ],
    exits: ["partial", "timedOut"],
    load: async () => (await import("./publish.ts")).publishCommand,
  },
  {
    name: "pause",
    summary: "stop rotating and publishing a credential or a provider for a while",
    arguments: [{ form: "[id...]", help: "credentials" }],
    options: [
      ...option.bulk,
      { flags: "--for <duration>", help: "how long the pause lasts, at most 30d", byDefault: "1h" },
      { flags: "--reason <text>", help: "shown by status" },
    ],
    examples: [
      ["pause acme --for 2h --reason moving", "the last token stays published"],
      ["pause --provider cyclr-eu --yes", "nothing is sent to this provider"],
    ],
    exits: ["partial"],
    load: async () => (await import("./pause.ts")).pauseCommand,
  },
  {
    name: "resume",
    summary: "end a pause; what was due is due again",
    arguments: [{ form: "[id...]", help: "credentials" }],
    options: [
      ...option.bulk,
      { flags: "--cooldown", help: "end the pause that the provider asked for (429, Retry-After), not an operator's" },
    ],
    examples: [
      ["resume acme", "a pause of one credential"],
      ["resume --provider cyclr-eu", "a pause of a whole provider"],
      ["resume --provider cyclr-eu --cooldown", "the pause that a provider asked for"],
      ["resume --all --yes", "every pause"],
    ],
    exits: ["partial"],
    load: async () => (await import("./resume.ts")).resumeCommand,
  },
  {
    name: "history",
    summary: "show the last outcomes of a credential, and what operators did",
    arguments: [{ form: "<id>", help: "credential" }],
    options: [option.config, option.output],
    examples: [["history acme", "newest first; history.keep sets how many are kept"]],
    load: async () => (await import("./history.ts")).historyCommand,
  },
  {
    name: "doctor",
    summary: "check everything around the daemon; writes nothing, obtains no token",
    options: [
      option.config,
      option.output,
      { flags: "--timeout <duration>", help: "how long all checks together may take", byDefault: "30s" },
    ],
    examples: [
      ["doctor", "each check with its finding and what to do about it"],
      ["doctor -o json --timeout 10s", "for programs; exit code 3 if a check failed"],
    ],
    exits: ["unhealthy"],
    load: async () => (await import("./doctor.ts")).doctorCommand,
  },
  {
    name: "healthcheck",
    summary: "ask the daemon of this machine whether it is ready, for Docker's HEALTHCHECK",
    options: [
      option.config,
      { flags: "--live", help: "ask /livez instead of /readyz: it does not depend on Redis" },
      {
        flags: "--listen <address>",
        help: "host:port to ask (default: $EVERTOKEN_HTTP, http.listen of the configuration, 127.0.0.1:9464)",
      },
      { flags: "--timeout <duration>", help: "how long the answer may take", byDefault: "3s" },
    ],
    examples: [
      ["healthcheck", "exit code 0 if ready, 3 if not"],
      ["healthcheck --listen 127.0.0.1:9464 --live", "without a configuration"],
    ],
    exits: ["unhealthy"],
    load: async () => (await import("./healthcheck.ts")).healthcheckCommand,
  },
  {
    name: "schema",
    summary: "print the JSON Schema of the configuration (for editors) or of the log",
    arguments: [{ form: "[of]", help: "config or log-events", choices: ["config", "log-events"] }],
    options: [],
    examples: [
      ["schema > config.schema.json", "for hints and completion in an editor"],
      ["schema log-events", "every line that the daemon logs"],
    ],
    load: async () => (await import("./schema.ts")).schemaCommand,
  },
  {
    name: "config show",
    summary: "show the values in effect; references, never secrets",
    arguments: [{ form: "[id]", help: "credential" }],
    options: [option.config, { flags: "--origin", help: "show where each value is written" }, option.output],
    examples: [
      ["config show", "everything except the credentials"],
      ["config show acme --origin", "one credential, each value with its file and line"],
    ],
    load: async () => (await import("./config-show.ts")).configShowCommand,
  },
  {
    name: "init",
    summary: "write a first configuration and an empty file for its client secret",
    options: [
      {
        flags: "--template <name>",
        help: "the configuration to start from",
        choices: ["generic", "cyclr"],
        byDefault: "generic",
      },
      { flags: "--dir <dir>", help: "where to write", byDefault: "." },
      { flags: "--force", help: "overwrite an existing configuration, but never a secret" },
      { flags: "--no-input", help: "ask no questions" },
      { flags: "--id <id>", help: "name of the credential" },
      { flags: "--token-endpoint <url>", help: "token endpoint of the provider" },
      { flags: "--client-id <id>", help: "client id" },
      option.output,
    ],
    examples: [
      ["init", "asks three questions on a terminal"],
      ["init --template cyclr --dir tokens --no-input", "asks no questions"],
    ],
    load: async () => (await import("./init.ts")).initCommand,
  },
  {
    name: "completion",
    summary: "print the completion script of a shell",
    arguments: [{ form: "<shell>", help: "bash, zsh or fish", choices: ["bash", "zsh", "fish"] }],
    options: [],
    examples: [
      ["completion bash > /etc/bash_completion.d/evertoken", "or: source <(evertoken completion bash)"],
      ["completion fish > ~/.config/fish/completions/evertoken.fish", "for fish"],
    ],
    load: async () => (await import("./completion.ts")).completionCommand,
  },
];
