import { MAX_CA_BYTES, readFile } from "../../files/read.ts";
import { type Config, loadConfig } from "../../config/config.ts";
import { locateFindings } from "../../config/origins.ts";
import { formatProblems } from "../../config/report.ts";
import type { SecretRef } from "../../core/credential.ts";
import { SecretSourceError, readKey, readSecret } from "../../secrets/source.ts";
import { type Invocation, exitCode } from "../command.ts";
import { configPath, invalidConfiguration } from "../configuration.ts";
import type { Io } from "../io.ts";
import type { ConfigOption, OutputOption } from "../options.ts";

interface ValidateOptions extends ConfigOption, OutputOption {
  readonly offline?: boolean;
}

/** `evertoken validate`: the configuration itself and, unless --offline, every secret and CA file that it names. */
export async function validateCommand({ options, io }: Invocation<ValidateOptions>): Promise<number> {
  const file = configPath(options.config, io);
  const { config, problems, more } = await loadConfig(file, io.env);
  const missing = config === undefined || options.offline === true ? [] : await findUnreadable(config, io);
  const all = [...problems, ...(missing.length > 0 ? await locateFindings(file, missing, io.env) : [])];
  const valid = config !== undefined && missing.length === 0;
  if (options.output === "json") {
    const counts = config && {
      credentials: config.credentials.length,
      providers: config.providers.size,
      stores: config.stores.size,
    };
    io.out(`${JSON.stringify({ schemaVersion: 1, file, valid, ...counts, problems: all }, undefined, 2)}\n`);
    return valid ? exitCode.ok : exitCode.usage;
  }
  io.err(formatProblems(all, more));
  if (config === undefined) throw invalidConfiguration(file, problems, more);
  if (!valid) return exitCode.usage;
  const { providers, stores, credentials } = config;
  io.out(`${file} is valid: ${credentials.length} credentials, ${providers.size} providers, ${stores.size} stores\n`);
  return exitCode.ok;
}

type Finding = Parameters<typeof locateFindings>[1][number];

/** Each secret is read once, however many credentials share it. */
async function findUnreadable(config: Config, io: Io): Promise<Finding[]> {
  const findings: Finding[] = [];
  const seen = new Set<string>();

  async function attempt(path: Finding["path"], work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof SecretSourceError)) throw error;
      findings.push({ severity: "error", path, message: error.message });
    }
  }
  async function checkSecret(path: Finding["path"], ref: SecretRef): Promise<void> {
    const key = JSON.stringify(ref);
    if (seen.has(key)) return;
    seen.add(key);
    await attempt(path, () => readSecret(ref, io.env));
  }
  async function checkCa(path: Finding["path"], file: string | undefined): Promise<void> {
    const message = file === undefined ? undefined : await caMistake(file);
    if (message !== undefined) findings.push({ severity: "error", path, message });
  }
  for (const [i, { clientSecrets }] of config.credentials.entries()) {
    for (const ref of clientSecrets) await checkSecret(["credentials", i, "clientSecret"], ref);
  }
  const { sealKey, redis } = config;
  for (const [i, ref] of (sealKey ?? []).entries()) {
    await attempt(sealKey?.length === 1 ? ["sealKey"] : ["sealKey", i], () => readKey(ref, io.env));
  }
  if (redis?.password !== undefined) await checkSecret(["redis", "password"], redis.password);
  if (redis?.sentinel?.password !== undefined)
    await checkSecret(["redis", "sentinel", "password"], redis.sentinel.password);
  for (const { name, tls } of config.providers.values())
    await checkCa(["providers", name, "tls", "caFile"], tls.caFile);
  await checkCa(["redis", "tls", "caFile"], redis?.tls?.caFile);
  return findings;
}

async function caMistake(file: string): Promise<string | undefined> {
  try {
    const text = (await readFile(file, MAX_CA_BYTES)).toString("utf8");
    return text.includes("-----BEGIN CERTIFICATE-----") ? undefined : `the CA file ${file} holds no PEM certificate`;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return `the CA file ${file} cannot be read (${code ?? "error"}); check its path and mode`;
  }
}
