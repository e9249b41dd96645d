import type { Config } from "../config/config.ts";
import { parseDuration } from "../config/duration.ts";
import type { Credential } from "../credential.ts";
import { pendingTargets } from "../deliver.ts";
import { type DueIndex, dueIndex } from "../queue/due-index.ts";
import type { RedisLink } from "../queue/redis.ts";
import { decodeRecord } from "../record.ts";
import { CommandError, type Invocation, exitCode } from "./command.ts";
import { readConfig } from "./configuration.ts";
import type { Io } from "./io.ts";
import { withRedis } from "./link.ts";
import type { ConfigOption } from "./options.ts";

interface RotateOptions extends ConfigOption {
  readonly wait?: boolean;
  readonly timeout: string;
}

const POLL_MS = 100;

/** `evertoken rotate <id...> [--wait]`: rotates now, whatever the ladder says, within quotas and pauses. */
export async function rotateCommand({ args, options, io }: Invocation<RotateOptions>): Promise<number> {
  const timeoutMs = parseDuration(options.timeout);
  if (timeoutMs === undefined) throw new CommandError("--timeout wants a duration like 30s or 5m", exitCode.usage);
  const { config } = await readConfig(options.config, io);
  return withRedis(config, io, (redis) =>
    rotateAll(config, redis, args, { wait: options.wait === true, timeoutMs }, io),
  );
}

async function rotateAll(
  config: Config,
  redis: RedisLink,
  ids: readonly string[],
  options: { wait: boolean; timeoutMs: number },
  io: Io,
): Promise<number> {
  const credentials = ids.map((id) => find(config, id));
  const asked: { credential: Credential; due: DueIndex }[] = [];
  for (const credential of credentials) {
    const due = dueIndex(redis, credential.provider);
    if ((await due.request(credential.id)).kind === "unknown") {
      throw new CommandError(
        `${credential.id} is configured but not scheduled: is a daemon with this configuration running?`,
        exitCode.runtime,
      );
    }
    asked.push({ credential, due });
    if (!options.wait) io.out(`${credential.id}: rotation requested\n`);
  }
  if (!options.wait) return exitCode.ok;
  const deadline = io.now() + options.timeoutMs;
  let worst: number = exitCode.ok;
  for (const { credential, due } of asked) {
    const code = await served(credential, due, redis, deadline, io);
    worst = worst === exitCode.timedOut ? worst : Math.max(worst, code);
  }
  return worst;
}

function find(config: Config, id: string): Credential {
  const credential = config.credentials.find((c) => c.id === id);
  if (credential === undefined) {
    throw new CommandError(
      `no credential "${id}" in the configuration; "evertoken status" lists what needs attention`,
      exitCode.usage,
    );
  }
  return credential;
}

/** The request's mark is gone once a rotation has served it. */
async function served(
  credential: Credential,
  due: DueIndex,
  redis: RedisLink,
  deadline: number,
  io: Io,
): Promise<number> {
  const { id } = credential;
  while ((await redis.call("HGET", due.keys.requests, id)) !== null) {
    if (io.stop.aborted) return exitCode.runtime;
    if (io.now() >= deadline) {
      const paused = Number((await redis.call("GET", due.keys.pause)) ?? 0) > io.now();
      io.err(
        `${id}: not rotated in time${paused ? `; the provider ${credential.provider} is paused after a 429` : ""}\n`,
      );
      return exitCode.timedOut;
    }
    await new Promise((resolve) => {
      setTimeout(resolve, POLL_MS);
    });
  }
  const record = decodeRecord((await due.record(id)) ?? "");
  if (record?.failure !== undefined) {
    io.err(`${id}: failed, ${record.failure.class} ${record.failure.code}; see "evertoken status ${id}"\n`);
    return exitCode.runtime;
  }
  const pending = record === undefined ? [] : pendingTargets(credential, record);
  if (pending.length > 0) {
    io.err(
      `${id}: revision ${record?.revision} waits for ${pending.map((t) => `${t.store}:${t.secret}`).join(", ")}\n`,
    );
    return exitCode.runtime;
  }
  io.out(`${id}: rotated, revision ${record?.revision ?? "unknown"}\n`);
  return exitCode.ok;
}
