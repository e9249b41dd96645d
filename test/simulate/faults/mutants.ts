import { spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Faults put into the program on purpose, each by one change of its text: the simulation must find every one. */
interface Mutant {
  readonly name: string;
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

const MUTANTS: readonly Mutant[] = [
  {
    name: "a publish that waits is claimed as an exchange",
    file: "src/queue/due-index.ts",
    find: "          nextAt: entry.nextAt,\n          publishAt: entry.publishAt ?? 0,",
    replace: "          nextAt: Math.min(entry.nextAt, entry.publishAt ?? Infinity),\n          publishAt: 0,",
  },
  {
    name: "a tie of revisions is called up to date",
    file: "src/core/rotation/publish.ts",
    find: "if (first.superseding.length === 0) return",
    replace: "if (first.superseding.every((held) => held.revision <= first.progress.record.revision)) return",
  },
  {
    name: "each step takes the whole lease anew",
    file: "src/core/rotation/lease.ts",
    find: "  if (usedMs < LEASE_RESERVE_MS) return progress;",
    replace: "  if (usedMs >= 0) return { ...progress, leaseUntil: ports.now() + progress.claim.leaseMs };",
  },
  {
    name: "the breaker counts tries, not accounts",
    file: "src/queue/scripts/job.ts",
    find: "  if answer == 'still_down' and redis.call('ZCARD', due) >= ${OPEN_AFTER} then return 0 end\n",
    replace: "",
  },
  {
    name: "minInterval goes beyond the end of a token",
    file: "src/core/policy/schedule.ts",
    find: "Math.floor(Math.min(Math.max(soonest, end - margin - early), latest))",
    replace: "Math.floor(Math.max(soonest, end - margin - early, Math.min(0, latest)))",
  },
  {
    name: "a store that refuses writes is offered a new token at each retry",
    file: "src/core/policy/schedule.ts",
    find: " && now >= mintAgainAt;",
    replace: " && now >= Math.min(0, mintAgainAt);",
  },
  {
    name: "another epoch of Redis is not noticed",
    file: "src/core/rotation/publish.ts",
    find: "before.confirmedIn === ports.epoch() ?",
    replace: 'before.confirmedIn !== "" ?',
  },
  {
    name: "what is known of a store is always trusted",
    file: "src/core/rotation/publish.ts",
    find: "before.confirmedIn === ports.epoch() ?",
    replace: "before.revision > 0 ?",
  },
  {
    name: "targets count as confirmed during a publish",
    file: "src/core/rotation/mint.ts",
    find: "encodeRecord(withoutConfirmations(record), ",
    replace: "encodeRecord(record, ",
  },
  {
    name: "the journal writes without a look at the fence",
    file: "src/queue/scripts/job.ts",
    find: "if redis.call('HGET', fence, id) ~= claimFence then return 0 end\nlocal lease = now + tonumber(leaseMs)",
    replace: "local lease = now + tonumber(leaseMs)",
  },
  {
    name: "a job ends without a look at the fence",
    file: "src/queue/scripts/job.ts",
    find: "if redis.call('HGET', fence, id) ~= claimFence then return {0, 0} end\n",
    replace: "",
  },
  {
    name: "a token is published before the journal knows it",
    file: "src/core/rotation/mint.ts",
    find: "await ports.journal.minted({",
    replace: 'await (async (_: unknown) => "kept" as const)({',
  },
  {
    name: "no token is sealed",
    file: "src/core/rotation/mint.ts",
    find: "const sealed = ports.seal(token, record.revision);",
    replace: "const sealed = undefined;",
  },
];

const ROOT = new URL("../../../", import.meta.url).pathname;

/** Runs the simulation with each mutant in turn, and prints what it has found. Returns the exit code. */
export async function runMutants({ steps, only }: { steps: number; only: string }): Promise<number> {
  let missed = 0;
  for (const mutant of MUTANTS.filter(({ name }) => name.includes(only))) {
    const { output, seconds } = await simulate(mutant, steps);
    const seed = /--seed (\d+)/.exec(output)?.[1];
    if (seed === undefined) missed += 1;
    const found = seed === undefined ? "NOT FOUND" : `seed ${seed}: ${/\n([^\n]*)\nagain: /.exec(output)?.[1]}`;
    process.stdout.write(`${mutant.name}\n  ${found} (${seconds.toFixed(0)} s)\n`);
  }
  return missed === 0 ? 0 : 1;
}

async function simulate(
  { file, find, replace }: Mutant,
  steps: number,
): Promise<{ readonly output: string; readonly seconds: number }> {
  const startedAt = performance.now();
  const dir = await mkdtemp(join(tmpdir(), "et-mutant-"));
  try {
    for (const name of ["src", "test", "package.json"])
      await cp(join(ROOT, name), join(dir, name), { recursive: true });
    await symlink(join(ROOT, "node_modules"), join(dir, "node_modules"));
    const text = await readFile(join(dir, file), "utf8");
    if (text.split(find).length !== 2) throw new Error(`${file} does not hold once: ${find}`);
    await writeFile(
      join(dir, file),
      text.replace(find, () => replace),
    );
    const args = ["test/simulate/main.ts", "--faults", "--steps", String(steps)];
    const child = spawn(process.execPath, args, { cwd: dir, stdio: ["ignore", "pipe", "inherit"] });
    let output = "";
    child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
    await once(child, "close");
    return { output, seconds: (performance.now() - startedAt) / 1000 };
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}
