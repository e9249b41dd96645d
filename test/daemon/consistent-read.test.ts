import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type ConsistentConfig, readConsistently } from "../../src/daemon/consistent-read.ts";
import { makeMounted } from "../fakes/kubelet-mount.ts";

let dir = "";
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "et-consistent-"));
});
afterEach(() => rm(dir, { recursive: true }));

/** A configuration of two files that hold the same number. */
function version(n: number): Record<string, string> {
  return {
    "config.yaml": JSON.stringify({
      include: ["accounts-*.yaml"],
      providers: { p: { tokenEndpoint: `https://v${n}.example.com/token` } },
      stores: { local: { type: "file", dir: "tokens" } },
    }),
    "accounts-1.yaml": JSON.stringify({
      credentials: [
        {
          id: `v${n}`,
          provider: "p",
          clientId: "c",
          clientSecret: { env: "S" },
          publish: [{ store: "local", secret: "s" }],
        },
      ],
    }),
  };
}
function numbersOf(read: ConsistentConfig | undefined): readonly (string | undefined)[] {
  const { config } = read?.loaded ?? {};
  return [/v\d+/.exec(config?.providers.get("p")?.tokenEndpoint ?? "")?.[0], config?.credentials[0]?.id];
}

describe("a configuration that is read while it changes", () => {
  test("is the old or the new one, never a mix of both", async () => {
    const mounted = await makeMounted(join(dir, "mount"), version(0));
    let swapping = true;
    async function swapOn(): Promise<void> {
      for (let n = 1; swapping; n++) {
        await mounted.swap(version(n));
        // About as long as one read takes, so that many swaps hit one in the middle.
        await new Promise((resolve) => setTimeout(resolve, 1 + (n % 7)));
      }
    }
    const swaps = swapOn();
    let known: ConsistentConfig | undefined;
    for (let i = 0; i < 10; i++) {
      const read = await readConsistently(mounted.path("config.yaml"), {}, known?.loaded);
      if (read === undefined) continue; // the files kept changing
      const [endpoint, id] = numbersOf(read);
      expect(id).toBe(endpoint);
      known = read;
    }
    swapping = false;
    await swaps;
    const last = await readConsistently(mounted.path("config.yaml"), {}, known?.loaded);
    expect(numbersOf(last)[0]).toMatch(/^v\d+$/);
  });

  test("has the hash of what its files hold, whatever their names and folders", async () => {
    const [a, b] = await Promise.all(["a", "b"].map((name) => makeMounted(join(dir, name), version(1))));
    const hashOf = async (path = ""): Promise<string | undefined> => (await readConsistently(path, {}))?.hash;
    const hash = await hashOf(a?.path("config.yaml"));
    expect(hash).toMatch(/^[0-9a-f]{12}$/);
    expect(await hashOf(b?.path("config.yaml"))).toBe(hash);
    await b?.swap(version(2));
    expect(await hashOf(b?.path("config.yaml"))).not.toBe(hash);
  });

  test("has another hash when a CA file that it names holds another certificate", async () => {
    const file = join(dir, "config.yaml");
    const ca = join(dir, "ca.pem");
    const providers = { p: { tokenEndpoint: "https://v1.example.com/token", tls: { caFile: "ca.pem" } } };
    await writeFile(file, JSON.stringify({ providers, stores: {}, credentials: [] }));
    await writeFile(ca, "one");
    const before = await readConsistently(file, {});
    await writeFile(ca, "another");
    const after = await readConsistently(file, {}, before?.loaded);
    expect(after?.hash).not.toBe(before?.hash);
    expect(after?.stats.print).not.toBe(before?.stats.print);
  });

  test("is reported as missing, and found again", async () => {
    const file = join(dir, "config.yaml");
    const missing = await readConsistently(file, {});
    expect(missing?.loaded.problems[0]?.message).toContain("no such file");
    await writeFile(file, JSON.stringify({ providers: {}, stores: {}, credentials: [] }));
    expect((await readConsistently(file, {}, missing?.loaded))?.loaded.config).toBeDefined();
  });
});
