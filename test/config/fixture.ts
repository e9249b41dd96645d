import { parseConfig } from "../../src/config/parse.ts";
import type { Config } from "../../src/config/config.ts";
import { formatProblems } from "../../src/config/report.ts";

type Env = Readonly<Record<string, string | undefined>>;

const SECTIONS: Readonly<Record<string, string>> = {
  providers: "providers: { p: { tokenEndpoint: https://login.example.com/token } }",
  stores: "stores: { s: { type: file, dir: ./tokens } }",
  credentials:
    "credentials: [{ id: a, provider: p, clientId: x, clientSecret: { env: A }, publish: [{ store: s, secret: a }] }]",
};

/** A whole file: what is given, then the sections that are not in it. */
export function complete(text: string): string {
  const rest = Object.entries(SECTIONS).filter(([key]) => !new RegExp(`^"?${key}"?:`, "m").test(text));
  return [text, ...rest.map(([, section]) => section), ""].join("\n");
}

/** What is said about a file that has these sections. */
export function report(text: string, env: Env = {}): string {
  const { problems, more } = parseConfig(complete(text), "c.yaml", env);
  return formatProblems(problems, more);
}

/** The configuration of a file that has these sections; throws with what is said about it when it is refused. */
export function accepted(text: string, env: Env = {}): Config {
  const { config, problems } = parseConfig(complete(text), "/etc/evertoken/c.yaml", env);
  if (config === undefined) throw new Error(formatProblems(problems));
  return config;
}
