import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type Config, type Loaded, loadConfig } from "../../src/config/config.ts";
import { formatProblems } from "../../src/config/report.ts";

/** A configuration of several files in a temporary folder, which is deleted when it is disposed. */
export interface Folder {
  readonly dir: string;
  write(name: string, text: string): void;
  load(env?: Readonly<Record<string, string>>): Promise<Loaded>;
  /** Throws with the problems of a wrong configuration. */
  accepted(env?: Readonly<Record<string, string>>): Promise<Config>;
  /** The problems as people see them, with paths relative to the folder. */
  report(env?: Readonly<Record<string, string>>): Promise<string[]>;
  [Symbol.dispose](): void;
}

export function makeFolder(files: Readonly<Record<string, string>>): Folder {
  const dir = mkdtempSync(join(tmpdir(), "evertoken-fleet-"));
  function write(name: string, text: string): void {
    mkdirSync(dirname(join(dir, name)), { recursive: true });
    writeFileSync(join(dir, name), text);
  }
  for (const [name, text] of Object.entries(files)) write(name, text);
  const load: Folder["load"] = (env = {}) => loadConfig(join(dir, "c.yaml"), env);
  return {
    dir,
    write,
    load,
    async accepted(env) {
      const { config, problems, more } = await load(env);
      if (config === undefined) throw new Error(formatProblems(problems, more));
      return config;
    },
    async report(env) {
      const { problems, more } = await load(env);
      return formatProblems(problems, more).trimEnd().replaceAll(`${dir}/`, "").split("\n");
    },
    [Symbol.dispose]: () => rmSync(dir, { recursive: true }),
  };
}

export const HEAD = `providers: { p: { tokenEndpoint: https://login.example.com/token } }
stores:
  aws: { type: aws-secrets-manager, region: eu-west-1 }
  gcp: { type: gcp-secret-manager, project: acme }
  local: { type: file, dir: ./tokens }
`;
