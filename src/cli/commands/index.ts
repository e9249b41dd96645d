import type { CommandSpec } from "../command.ts";
import * as option from "../options.ts";

/** Every command. To add one: its file, and its declaration here. */
export const commands: readonly CommandSpec[] = [
  {
    name: "run",
    summary: "keep the tokens of the configuration fresh until SIGTERM",
    options: [option.config],
    examples: [["run --config config.yaml", "until SIGTERM; a second signal does not wait for what is under way"]],
    drains: true,
    load: async () => (await import("./run.ts")).runCommand,
  },
  {
    name: "validate",
    summary: "check a configuration; every problem is reported, with its position",
    options: [
      option.config,
      { flags: "--offline", help: "do not read the secrets and CA files that it refers to" },
      option.output,
    ],
    examples: [
      ["validate --config config.yaml", "and everything that it refers to"],
      ["validate --offline -o json", "in a pipeline, without the secrets"],
    ],
    load: async () => (await import("./validate.ts")).validateCommand,
  },
  {
    name: "plan",
    summary:
      "what a configuration will do: load, quotas, cost, roll-out, recovery; against the running state when there is one",
    options: [
      option.config,
      { flags: "-o, --output <format>", help: "output", choices: ["table", "json"], byDefault: "table" },
      { flags: "--offline", help: "from the configuration alone, whatever runs" },
      { flags: "--detailed-exitcode", help: "4 when something would be added, changed or removed" },
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
    summary: "what needs attention, everything known of one credential, or a list",
    arguments: [{ form: "[id...]", help: "credentials" }],
    options: [
      option.config,
      ...option.selection,
      { flags: "--watch [interval]", help: "again and again, every 2s or as said, until Ctrl-C" },
      {
        flags: "-o, --output <format>",
        help: "output",
        choices: ["table", "wide", "json", "ndjson"],
        byDefault: "table",
      },
    ],
    examples: [
      ["status", "the fleet in one look"],
      ["status acme", "everything known of one credential"],
      ["status --state needs_attention,retrying -o wide", "what fails, and why"],
      ["status -l env=prod -o ndjson", "a line of JSON for each"],
    ],
    exits: ["unhealthy"],
    load: async () => (await import("./status.ts")).statusCommand,
  },
  {
    name: "rotate",
    summary: "a new token now, whatever the schedule says; within quotas and pauses",
    arguments: [{ form: "[id...]", help: "credentials" }],
    options: [
      ...option.bulk,
      { flags: "--failed", help: "same as --state needs_attention,retrying" },
      ...option.waiting,
    ],
    examples: [
      ["rotate acme --wait", "a new token for acme, now"],
      ["rotate --provider cyclr-eu --failed --rate 5/s", "after a secret was mended"],
      ["rotate -l env=prod --dry-run", "which ones would that be?"],
    ],
    exits: ["partial", "timedOut"],
    load: async () => (await import("./rotate.ts")).rotateCommand,
  },
  {
    name: "publish",
    summary: "ask the stores what they hold, and bring them the token that waits; without an exchange",
    arguments: [{ form: "[id...]", help: "credentials" }],
    options: [...option.bulk, ...option.waiting],
    examples: [
      ["publish acme --wait", "now, instead of at the next retry"],
      ["publish --state unpublished", "all that wait for a store"],
    ],
    exits: ["partial", "timedOut"],
    load: async () => (await import("./publish.ts")).publishCommand,
  },
  {
    name: "pause",
    summary: "renew and publish nothing of a credential or a provider for a while",
    arguments: [{ form: "[id...]", help: "credentials" }],
    options: [
      ...option.bulk,
      { flags: "--for <duration>", help: "it ends by itself after so long, at most 30d", byDefault: "1h" },
      { flags: "--reason <text>", help: "shown in status" },
    ],
    examples: [
      ["pause acme --for 2h --reason moving", "its last token stays where it is"],
      ["pause --provider cyclr-eu --yes", "nothing at all is sent there"],
    ],
    exits: ["partial"],
    load: async () => (await import("./pause.ts")).pauseCommand,
  },
  {
    name: "resume",
    summary: "end a pause; what was due is due again",
    arguments: [{ form: "[id...]", help: "credentials" }],
    options: option.bulk,
    examples: [
      ["resume acme", "paused by itself"],
      ["resume --provider cyclr-eu", "paused as a whole"],
      ["resume --all --yes", "every pause there is"],
    ],
    exits: ["partial"],
    load: async () => (await import("./resume.ts")).resumeCommand,
  },
  {
    name: "history",
    summary: "the last revisions and outcomes of a credential, and what operators did",
    arguments: [{ form: "<id>", help: "credential" }],
    options: [option.config, option.output],
    examples: [["history acme", "newest first; history.keep says how many"]],
    load: async () => (await import("./history.ts")).historyCommand,
  },
  {
    name: "doctor",
    summary: "look at everything that must be right around the daemon; writes nowhere, asks for no token",
    options: [
      option.config,
      option.output,
      { flags: "--timeout <duration>", help: "how long all of it may take", byDefault: "30s" },
    ],
    examples: [
      ["doctor", "each check with what was found, and what to do about it"],
      ["doctor -o json --timeout 10s", "for programs; 3 when something failed"],
    ],
    exits: ["unhealthy"],
    load: async () => (await import("./doctor.ts")).doctorCommand,
  },
  {
    name: "healthcheck",
    summary: "ask the daemon of this machine whether it is ready: for Docker's HEALTHCHECK",
    options: [
      option.config,
      { flags: "--live", help: "ask whether it lives (/livez), whatever Redis says" },
      {
        flags: "--listen <address>",
        help: "host:port to ask (default: $EVERTOKEN_HTTP, http.listen of the configuration, 127.0.0.1:9464)",
      },
      { flags: "--timeout <duration>", help: "how long it may take to answer", byDefault: "3s" },
    ],
    examples: [
      ["healthcheck", "0 when ready, 3 when not"],
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
      ["schema > config.schema.json", "hints and completion in an editor"],
      ["schema log-events", "every line that the daemon logs"],
    ],
    load: async () => (await import("./schema.ts")).schemaCommand,
  },
  {
    name: "config show",
    summary: "what the configuration comes to: references, never secrets",
    arguments: [{ form: "[id]", help: "credential" }],
    options: [option.config, { flags: "--origin", help: "say of each value where it was written" }, option.output],
    examples: [
      ["config show", "everything but the credentials"],
      ["config show acme --origin", "one credential: each value with its file and line"],
    ],
    load: async () => (await import("./config-show.ts")).configShowCommand,
  },
  {
    name: "init",
    summary: "write a first configuration, and a place for its client secret",
    options: [
      { flags: "--template <name>", help: "what to begin with", choices: ["generic", "cyclr"], byDefault: "generic" },
      { flags: "--dir <dir>", help: "where", byDefault: "." },
      { flags: "--force", help: "write over a configuration that is there; never over a secret" },
      { flags: "--no-input", help: "ask nothing" },
      { flags: "--id <id>", help: "name of the credential" },
      { flags: "--token-endpoint <url>", help: "token endpoint of the provider" },
      { flags: "--client-id <id>", help: "client id" },
      option.output,
    ],
    examples: [
      ["init", "asks three questions on a terminal"],
      ["init --template cyclr --dir tokens --no-input", "asks nothing"],
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
