import { readFile } from "node:fs/promises";
import { type Problem, loadConfig } from "../../config/config.ts";
import { parseDuration } from "../../core/duration.ts";
import { CommandError, type Invocation, exitCode } from "../command.ts";
import { configPath } from "../configuration.ts";
import { type Check, type Subject, failure, ok, runCheck, warning } from "./doctor/check.ts";
import { checkEndpoints } from "./doctor/endpoints.ts";
import { checkQuotas } from "./doctor/quotas.ts";
import { checkRedis } from "./doctor/redis.ts";
import { checkModes, checkSealKey, checkSecrets } from "./doctor/secrets.ts";
import { checkStores } from "./doctor/stores.ts";
import type { Io, Tone } from "../io.ts";
import type { ConfigOption, OutputOption } from "../options.ts";

interface DoctorOptions extends ConfigOption, OutputOption {
  readonly timeout: string;
}

/** `evertoken doctor`: everything around the daemon that must be right. Writes nothing and obtains no token. */
export async function doctorCommand({ options, io }: Invocation<DoctorOptions>): Promise<number> {
  const timeoutMs = parseDuration(options.timeout);
  if (timeoutMs === undefined || timeoutMs === 0)
    throw new CommandError("--timeout wants a duration like 30s", exitCode.usage);
  const file = configPath(options.config, io);
  const { config, problems } = await loadConfig(file, io.env);
  const checks: Check[] = [await checkNode(io.nodeVersion), checkConfig(file, problems)];
  if (config !== undefined) {
    const signal = AbortSignal.any([io.stop, AbortSignal.timeout(timeoutMs)]);
    checks.push(...(await runChecks({ config, io, signal })));
  }
  const countOf = (status: Check["status"]): number => checks.filter((check) => check.status === status).length;
  const summary = { failures: countOf("failure"), warnings: countOf("warning"), ok: countOf("ok") };
  const healthy = summary.failures === 0;
  if (options.output === "json") {
    io.out(`${JSON.stringify({ schemaVersion: 1, healthy, ...summary, checks }, undefined, 2)}\n`);
  } else {
    io.out(checks.map((check) => formatCheck(check, io)).join(""));
    io.out(`\n${summary.failures} failures, ${summary.warnings} warnings, ${summary.ok} ok\n`);
  }
  return healthy ? exitCode.ok : exitCode.unhealthy;
}

async function runChecks(subject: Subject): Promise<readonly Check[]> {
  const all: readonly (readonly [string, (subject: Subject) => Promise<readonly Check[]>])[] = [
    ["client secrets", checkSecrets],
    ["seal key", checkSealKey],
    ["file permissions", checkModes],
    ["redis", checkRedis],
    ["token endpoints", checkEndpoints],
    ["stores", checkStores],
  ];
  const checks = await Promise.all(all.map(([name, check]) => runCheck(name, subject.signal, () => check(subject))));
  return [...checks.flat(), ...checkQuotas(subject.config)];
}

async function checkNode(nodeVersion: string): Promise<Check> {
  const { engines } = JSON.parse(await readFile(new URL("../../../package.json", import.meta.url), "utf8")) as {
    engines: { node: string };
  };
  const numbers = (text: string): number[] => text.replace(/^\D+/, "").split(".").map(Number);
  const [major = 0, minor = 0] = numbers(nodeVersion);
  const [leastMajor = 0, leastMinor = 0] = numbers(engines.node);
  return major > leastMajor || (major === leastMajor && minor >= leastMinor)
    ? ok("node", nodeVersion)
    : failure("node", `${nodeVersion}; evertoken needs ${engines.node}`, "install a newer Node, or use the image");
}

function checkConfig(file: string, problems: readonly Problem[]): Check {
  const [first] = problems.toSorted((a, b) => a.severity.localeCompare(b.severity));
  if (first === undefined) return ok("configuration", `${file} is valid`);
  const { length: errors } = problems.filter(({ severity }) => severity === "error");
  const place = first.line === undefined ? first.file : `${first.file}:${first.line}`;
  const others = problems.length === 1 ? "" : ` (and ${problems.length - 1} more)`;
  const fix = `evertoken validate --config ${file} shows every problem`;
  return (errors > 0 ? failure : warning)("configuration", `${place} ${first.message}${others}`, fix);
}

const TONES = { ok: "good", warning: "doubtful", failure: "bad" } as const satisfies Record<Check["status"], Tone>;

function formatCheck({ name, status, found, fix }: Check, io: Io): string {
  const line = `${io.paint(TONES[status], status.padEnd(7))}  ${name}: ${found}\n`;
  return fix === undefined ? line : `${line}         fix: ${fix}\n`;
}
