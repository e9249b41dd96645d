import { describe, expect, test } from "vitest";
import type { Outcome } from "../../src/core/rotation/outcome.ts";
import { makeBlocked } from "../../src/fleet/blocked.ts";

const base = {
  rotationId: "r",
  jobId: "j",
  revision: 1,
  attempt: 1,
  waitMs: 0,
  durationMs: 0,
  warnings: [],
  targets: [],
};
const failed = (credential: string, className: "transient" | "config" = "transient", code = "x"): Outcome => ({
  ...base,
  credential,
  provider: "p",
  result: "failed",
  exchangeMs: 1,
  error: { class: className, code, message: "" },
});
const rotated = (credential: string, provider = "p"): Outcome => ({
  ...base,
  credential,
  provider,
  result: "rotated",
  exchangeMs: 1,
});
const unpublished = (credential: string, store: string, provider = "p"): Outcome => ({
  ...base,
  credential,
  provider,
  result: "unpublished",
  targets: [{ store, secret: "s", result: "failed", durationMs: 0 }],
});

describe("what waits for a provider", () => {
  test("is brought forward by the first success after three have failed in a row, once", () => {
    const blocked = makeBlocked();
    for (const id of ["a", "b", "c"]) expect(blocked.noteOutcome(failed(id))).toEqual([]);
    expect(blocked.noteOutcome(rotated("b"))).toEqual(["a", "c"]);
    expect(blocked.noteOutcome(rotated("d"))).toEqual([]);
  });

  test("keeps its own backoff when fewer than three failed: that is no outage", () => {
    const blocked = makeBlocked();
    for (const id of ["a", "b", "a", "b"]) blocked.noteOutcome(failed(id));
    expect(blocked.noteOutcome(rotated("c"))).toEqual([]);
  });

  test("does not count refusals, which no recovery cures", () => {
    const blocked = makeBlocked();
    for (const id of ["a", "b", "c", "d"]) blocked.noteOutcome(failed(id, "config"));
    expect(blocked.noteOutcome(rotated("e"))).toEqual([]);
  });

  test.each(["http_404", "http_405", "proxy", "redirect_refused", "html", "no_token"])(
    "includes who climbs the slow ladder because of %s, which is about the endpoint",
    (code) => {
      const blocked = makeBlocked();
      for (const id of ["a", "b", "c"]) blocked.noteOutcome(failed(id, "config", code));
      expect(blocked.noteOutcome(rotated("a"))).toEqual(["b", "c"]);
    },
  );

  test.each(["http_403", "invalid_client", "invalid_scope"])("does not include %s, which is one account's", (code) => {
    const blocked = makeBlocked();
    for (const id of ["a", "b", "c"]) blocked.noteOutcome(failed(id, "config", code));
    expect(blocked.noteOutcome(rotated("d"))).toEqual([]);
  });

  test("is not brought forward by another provider, nor by a publish alone", () => {
    const blocked = makeBlocked();
    for (const id of ["a", "b", "c"]) blocked.noteOutcome(failed(id));
    expect(blocked.noteOutcome(rotated("d", "q"))).toEqual([]);
    expect(blocked.noteOutcome({ ...base, credential: "e", provider: "p", result: "published" })).toEqual([]);
    expect(blocked.noteOutcome(rotated("d"))).toEqual(["a", "b", "c"]);
  });
});

describe("what waits for a store", () => {
  test("is known by provider until it is taken or published", () => {
    const blocked = makeBlocked();
    blocked.noteOutcome(unpublished("a", "s"));
    blocked.noteOutcome(unpublished("b", "s", "q"));
    blocked.noteOutcome(unpublished("c", "other"));
    blocked.noteOutcome(unpublished("d", "s"));
    blocked.noteOutcome({ ...rotated("d"), targets: [{ store: "s", secret: "s", result: "written", durationMs: 0 }] });
    expect(blocked.takeBlockedBy("s")).toEqual(
      new Map([
        ["p", ["a"]],
        ["q", ["b"]],
      ]),
    );
    expect(blocked.takeBlockedBy("s")).toEqual(new Map());
  });
});
