import { describe, expect, test } from "vitest";
import { decodeHistory, encodeMoment } from "../../../src/core/rotation/history.ts";
import type { Outcome } from "../../../src/core/rotation/outcome.ts";

const base: Outcome = {
  result: "rotated",
  rotationId: "acme/3",
  jobId: "j",
  credential: "acme",
  provider: "p",
  reason: "NearingExpiry",
  revision: 100,
  attempt: 1,
  waitMs: 0,
  durationMs: 250,
  warnings: [],
  targets: [],
};
const AT = Date.UTC(2026, 10, 25, 12, 0, 1);
const target = { store: "aws-main", secret: "acme", durationMs: 1 };

describe("an entry of the history", () => {
  test.each<[string, Partial<Outcome>, object]>([
    ["a rotation", {}, { result: "rotated", reason: "NearingExpiry", revision: 100, durationMs: 250 }],
    ["a publish", { result: "published", reason: undefined as never }, { result: "published", durationMs: 250 }],
    [
      "a failed exchange",
      { result: "failed", error: { class: "config", code: "invalid_client", message: "secret text" } },
      { result: "failed", class: "config", code: "invalid_client" },
    ],
    [
      "a store that refused the token",
      {
        result: "unpublished",
        targets: [
          { ...target, result: "written" },
          { ...target, result: "failed", error: { class: "auth", code: "AccessDenied", message: "secret text" } },
        ],
      },
      { result: "unpublished", store: "aws-main", class: "auth", code: "AccessDenied" },
    ],
  ])("keeps what matters of %s, to the second", (_, over, expected) => {
    const entry = encodeMoment({ ...base, ...over }, AT + 999);
    expect(entry).not.toContain("secret");
    expect(decodeHistory(entry)).toEqual([expect.objectContaining({ at: AT, times: 1, ...expected })]);
  });

  test("is small: a rotation takes 15 bytes", () => {
    expect(encodeMoment(base, AT)).toMatch(/^[0-9a-z]{6} RX2s 6y$/);
  });

  test("does not exist for a skipped rotation", () => {
    expect(encodeMoment({ ...base, result: "skipped", skip: "NotDue" }, AT)).toBe("");
  });

  test("keeps one line and one word, whatever a code looks like", () => {
    const error = { class: "protocol", code: "a b\nc", message: "" } as const;
    const entry = encodeMoment({ ...base, result: "failed", error }, AT);
    expect(decodeHistory(entry)).toMatchObject([{ code: "a_b_c" }]);
  });

  test("is read with its repetitions, and left out where another release wrote it in another form", () => {
    const error = { class: "config", code: "c", message: "" } as const;
    const entry = encodeMoment({ ...base, result: "failed", error }, AT);
    expect(decodeHistory(`${entry} x12\n? ?`)).toMatchObject([{ times: 12, code: "c" }]);
    expect(decodeHistory("")).toEqual([]);
  });
});
