import type { Config } from "../../src/config/config.ts";
import { parseConfig } from "../../src/config/parse.ts";
import { formatProblems } from "../../src/config/report.ts";
import type { Env } from "../../src/core/edges.ts";

const SECTIONS: Readonly<Record<string, string>> = {
  providers: "providers: { p: { tokenEndpoint: https://login.example.com/token } }",
  stores: "stores: { s: { type: file, dir: ./tokens } }",
  credentials:
    "credentials: [{ id: a, provider: p, clientId: x, clientSecret: { env: A }, publish: [{ store: s, secret: a }] }]",
};

/** A complete file: `text`, then the required sections that it does not have. */
export function complete(text: string): string {
  const rest = Object.entries(SECTIONS).filter(([key]) => !new RegExp(`^"?${key}"?:`, "m").test(text));
  return [text, ...rest.map(([, section]) => section), ""].join("\n");
}

/** The problems of the file that `complete` makes, as people see them. */
export function report(text: string, env: Env = {}): string {
  const { problems, more } = parseConfig(complete(text), "c.yaml", env);
  return formatProblems(problems, more);
}

/** The configuration of the file that `complete` makes. Throws with the problems of a wrong one. */
export function accepted(text: string, env: Env = {}): Config {
  const { config, problems } = parseConfig(complete(text), "/etc/evertoken/c.yaml", env);
  if (config === undefined) throw new Error(formatProblems(problems));
  return config;
}
