import { readFile } from "node:fs/promises";
import type { Config, Problem } from "../config/config.ts";
import { formatProblems } from "../config/report.ts";
import type { SecretRef } from "../credential.ts";
import { SecretSourceError, readKey, readSecret } from "../secret-source.ts";
import { type Io, exitCode } from "./io.ts";

/** `evertoken validate`: the shape has been checked; this reads what the configuration refers to. */
export async function validateCommand(
  config: Config,
  warnings: readonly Problem[],
  file: string,
  offline: boolean,
  io: Io,
): Promise<number> {
  io.err(formatProblems(warnings));
  const missing = offline ? [] : await unreadable(config, io);
  if (missing.length > 0) {
    io.err(formatProblems(missing.map((message) => ({ severity: "error", file, message }))));
    return exitCode.usage;
  }
  const { providers, stores, credentials } = config;
  io.out(`${file} is valid: ${credentials.length} credentials, ${providers.size} providers, ${stores.size} stores\n`);
  return exitCode.ok;
}

async function unreadable(config: Config, io: Io): Promise<string[]> {
  const problems: string[] = [];
  const seen = new Set<string>();

  async function attempt(who: string, work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof SecretSourceError)) throw error;
      problems.push(`${who}: ${error.message}`);
    }
  }
  async function check(who: string, ref: SecretRef): Promise<void> {
    const key = JSON.stringify(ref);
    if (seen.has(key)) return;
    seen.add(key);
    await attempt(who, () => readSecret(ref, io.env));
  }
  for (const { id, clientSecrets } of config.credentials) {
    for (const ref of clientSecrets) await check(`credential ${id}`, ref);
  }
  const { sealKey, redis } = config;
  if (sealKey !== undefined) await attempt("sealKey", () => readKey(sealKey, io.env));
  if (redis?.password !== undefined) await check("redis.password", redis.password);
  for (const { name, tls } of config.providers.values()) {
    if (tls.caFile !== undefined) problems.push(...(await checkCa(`provider ${name}: tls.caFile`, tls.caFile)));
  }
  if (redis?.tls?.caFile !== undefined) problems.push(...(await checkCa("redis.tls.caFile", redis.tls.caFile)));
  return problems;
}

async function checkCa(who: string, file: string): Promise<string[]> {
  try {
    const text = await readFile(file, "utf8");
    return text.includes("-----BEGIN CERTIFICATE-----") ? [] : [`${who} ${file} holds no PEM certificate`];
  } catch (error) {
    return [
      `${who} ${file} cannot be read (${(error as NodeJS.ErrnoException).code ?? "error"}); check its path and mode`,
    ];
  }
}
