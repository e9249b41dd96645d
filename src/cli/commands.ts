import type { CommandSpec } from "./command.ts";
import * as option from "./options.ts";

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
    name: "status",
    summary: "what needs attention, or everything known of one credential",
    arguments: [{ form: "[id]", help: "credential" }],
    options: [
      option.config,
      { flags: "-o, --output <format>", help: "output", choices: ["table", "json"], byDefault: "table" },
    ],
    examples: [
      ["status", "the fleet in one look"],
      ["status acme", "everything known of one credential"],
    ],
    exits: ["unhealthy"],
    load: async () => (await import("./status.ts")).statusCommand,
  },
  {
    name: "rotate",
    summary: "rotate credentials now, whatever their schedule says; within quotas and pauses",
    arguments: [{ form: "<id...>", help: "credentials" }],
    options: [
      option.config,
      { flags: "-w, --wait", help: "wait until it is done" },
      { flags: "--timeout <duration>", help: "with --wait: how long", byDefault: "60s" },
    ],
    examples: [["rotate acme --wait", "a new token for acme, now"]],
    exits: ["timedOut"],
    load: async () => (await import("./rotate.ts")).rotateCommand,
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
];
