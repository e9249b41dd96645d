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

describe("credentials that wait for a provider", () => {
  test("are released once, by the first success after three have failed in a row", () => {
    const blocked = makeBlocked();
    for (const id of ["a", "b", "c"]) expect(blocked.noteOutcome(failed(id))).toEqual([]);
    expect(blocked.noteOutcome(rotated("b"))).toEqual(["a", "c"]);
    expect(blocked.noteOutcome(rotated("d"))).toEqual([]);
  });

  test("keep their own backoff when fewer than three failed: that is no outage", () => {
    const blocked = makeBlocked();
    for (const id of ["a", "b", "a", "b"]) blocked.noteOutcome(failed(id));
    expect(blocked.noteOutcome(rotated("c"))).toEqual([]);
  });

  test("do not include refused ones, which the end of an outage does not cure", () => {
    const blocked = makeBlocked();
    for (const id of ["a", "b", "c", "d"]) blocked.noteOutcome(failed(id, "config"));
    expect(blocked.noteOutcome(rotated("e"))).toEqual([]);
  });

  test.each(["http_404", "http_405", "proxy", "redirect_refused", "html", "no_token"])(
    "include those on the slow ladder because of %s, which is about the endpoint",
    (code) => {
      const blocked = makeBlocked();
      for (const id of ["a", "b", "c"]) blocked.noteOutcome(failed(id, "config", code));
      expect(blocked.noteOutcome(rotated("a"))).toEqual(["b", "c"]);
    },
  );

  test.each(["http_403", "invalid_client", "invalid_scope"])(
    "do not include those refused with %s, which is about one account",
    (code) => {
      const blocked = makeBlocked();
      for (const id of ["a", "b", "c"]) blocked.noteOutcome(failed(id, "config", code));
      expect(blocked.noteOutcome(rotated("d"))).toEqual([]);
    },
  );

  test("are not released by another provider, nor by a publish alone", () => {
    const blocked = makeBlocked();
    for (const id of ["a", "b", "c"]) blocked.noteOutcome(failed(id));
    expect(blocked.noteOutcome(rotated("d", "q"))).toEqual([]);
    expect(blocked.noteOutcome({ ...base, credential: "e", provider: "p", result: "published" })).toEqual([]);
    expect(blocked.noteOutcome(rotated("d"))).toEqual(["a", "b", "c"]);
  });
});

describe("credentials that wait for a store", () => {
  test("are known by provider until they are taken or published", () => {
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

  test("are taken as probes one after the other, the one that waits longest first", () => {
    const blocked = makeBlocked();
    for (const id of ["a", "b", "c"]) blocked.noteOutcome(unpublished(id, "s"));
    const taken = [];
    for (let i = 0; i < 4; i++) {
      const next = blocked.takeNextBlockedBy("s");
      taken.push(next);
      if (next !== undefined) blocked.noteOutcome(unpublished(next[0], "s"));
    }
    expect(taken.map((each) => each?.[0])).toEqual(["a", "b", "c", "a"]);
    expect(blocked.takeNextBlockedBy("other")).toBeUndefined();
  });
});
