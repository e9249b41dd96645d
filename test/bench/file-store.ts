import { createSecretKey } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { Secret } from "../../src/core/credential.ts";
import type { SecretVersion } from "../../src/core/ports/store.ts";
import { openStore } from "../../src/publish/open-store.ts";
import { row } from "./measure.ts";

/**
 * Publishing into a folder that holds many files: `npm run bench:files [folder] [seconds]`. The folder decides on which
 * file system, and with it how long an fsync takes.
 */
const base = process.argv[2] ?? tmpdir();
const SECONDS = Number(process.argv[3] ?? 10);
const SIZES = [10, 1000, 100_000];
/** Publishes under way, as many as a daemon has by default. */
const AT_ONCE = 64;

const signal = new AbortController().signal;

function versionOf(i: number, revision: number): SecretVersion {
  const payload = new Secret(JSON.stringify({ access_token: "t".repeat(800), revision }));
  const secret = `account-${i}`;
  return { secret, payload, revision, issuedAt: 0, expiresAt: 3_600_000, selfDescribing: true };
}

async function fill(dir: string, files: number): Promise<void> {
  await mkdir(join(dir, ".evertoken"), { recursive: true });
  for (let from = 0; from < files; from += 1000) {
    const names = Array.from({ length: Math.min(1000, files - from) }, (_, i) => `account-${from + i}`);
    await Promise.all(
      names.flatMap((name) => [
        writeFile(join(dir, name), "before"),
        writeFile(join(dir, ".evertoken", `${name}.json`), "{}"),
      ]),
    );
  }
}

for (const files of SIZES) {
  const dir = await mkdtemp(join(base, "evertoken-bench-"));
  try {
    await fill(dir, files);
    const config = { name: "local", type: "file", dir, timeoutMs: 10_000, writeIntervalMs: 0 } as const;
    const store = await openStore(config, { versionKey: createSecretKey(Buffer.alloc(32, 7)) });
    const delays = monitorEventLoopDelay({ resolution: 1 });
    delays.enable();
    const cpuBefore = process.cpuUsage();
    const startedAt = performance.now();
    const endsAt = startedAt + SECONDS * 1000;
    let published = 0;
    const publishOn = async (from: number): Promise<void> => {
      for (let turn = 0; performance.now() < endsAt; turn++) {
        // Each worker has secrets of its own: never two writers at one file, as under a lease.
        const i = (from + turn * AT_ONCE) % Math.max(files, AT_ONCE);
        await store.publish(versionOf(i, turn + 1), { revision: 0, version: "" }, signal);
        published += 1;
      }
    };
    await Promise.all(Array.from({ length: Math.min(AT_ONCE, files) }, (_, from) => publishOn(from)));
    const seconds = (performance.now() - startedAt) / 1000;
    const { user, system } = process.cpuUsage(cpuBefore);
    const cpuMs = (user + system) / 1000 / published;
    row(
      `${files} files`,
      `${(published / seconds).toFixed(0)} publishes/s, ${cpuMs.toFixed(2)} ms CPU each, ` +
        `loop blocked ${(delays.max / 1e6 - 1).toFixed(0)} ms`,
    );
    await store.close();
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}
