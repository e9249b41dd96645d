import { describe, expect, test } from "vitest";
import type { CredentialSeries } from "../../src/core/snapshot.ts";
import { renderCredentialSeries } from "../../src/observe/credential-series.ts";

const fact: CredentialSeries = { id: "acme", provider: "p", nextAt: 1500, expiresAt: 2000, reason: "config" };
const series = (text: string): string[] => text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));

describe("series by credential", () => {
  test("show when the token of a credential dies, when it is due, and why it fails", async () => {
    const { text } = await renderCredentialSeries([fact], 10);
    expect(series(text)).toEqual([
      'evertoken_credential_expiration_timestamp_seconds{credential="acme",provider="p"} 2',
      'evertoken_credential_next_refresh_timestamp_seconds{credential="acme",provider="p"} 1.5',
      'evertoken_credential_unhealthy{credential="acme",provider="p",reason="config"} 1',
    ]);
    expect(text).toMatch(/^# HELP evertoken_credential_unhealthy .+\n# TYPE evertoken_credential_unhealthy gauge$/m);
  });

  test("are left out without a value, together with the header of their family", async () => {
    const { text } = await renderCredentialSeries([{ id: "new", provider: "p", nextAt: 0 }], 10);
    expect(series(text)).toEqual([
      'evertoken_credential_next_refresh_timestamp_seconds{credential="new",provider="p"} 0',
    ]);
    expect(text).not.toContain("unhealthy");
    expect((await renderCredentialSeries([], 10)).text).toBe("");
  });

  test.each([
    [2, 0],
    [3, 1],
    [5, 1],
    [6, 2],
  ])("are at most %i, which at three per credential is enough for %i credentials", async (maxSeries, kept) => {
    const result = await renderCredentialSeries([fact, { ...fact, id: "globex" }], maxSeries);
    expect(result.kept).toBe(kept);
    expect(series(result.text)).toHaveLength(3 * kept);
  });

  test("of a large fleet are rendered in chunks, and the event loop has its turn in between", async () => {
    const facts = Array.from({ length: 5000 }, (_, i) => ({ ...fact, id: `c${i}` }));
    let turns = 0;
    let done = false;
    function turn(): void {
      turns += 1;
      if (!done) setImmediate(turn);
    }
    setImmediate(turn);
    const { text } = await renderCredentialSeries(facts, 50_000);
    done = true;
    expect(series(text)).toHaveLength(15_000);
    expect(turns).toBeGreaterThanOrEqual(25);
  });
});
