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
    const waiting = makeBlocked();
    for (const id of ["a", "b", "c"]) expect(waiting.note(failed(id))).toEqual([]);
    expect(waiting.note(rotated("b"))).toEqual(["a", "c"]);
    expect(waiting.note(rotated("d"))).toEqual([]);
  });

  test("keeps its own backoff when fewer than three failed: that is no outage", () => {
    const waiting = makeBlocked();
    for (const id of ["a", "b", "a", "b"]) waiting.note(failed(id));
    expect(waiting.note(rotated("c"))).toEqual([]);
  });

  test("does not count refusals, which no recovery cures", () => {
    const waiting = makeBlocked();
    for (const id of ["a", "b", "c", "d"]) waiting.note(failed(id, "config"));
    expect(waiting.note(rotated("e"))).toEqual([]);
  });

  test.each(["http_404", "http_405", "proxy", "redirect_refused", "html", "no_token"])(
    "includes who climbs the slow ladder because of %s, which is about the endpoint",
    (code) => {
      const waiting = makeBlocked();
      for (const id of ["a", "b", "c"]) waiting.note(failed(id, "config", code));
      expect(waiting.note(rotated("a"))).toEqual(["b", "c"]);
    },
  );

  test.each(["http_403", "invalid_client", "invalid_scope"])("does not include %s, which is one account's", (code) => {
    const waiting = makeBlocked();
    for (const id of ["a", "b", "c"]) waiting.note(failed(id, "config", code));
    expect(waiting.note(rotated("d"))).toEqual([]);
  });

  test("is not brought forward by another provider, nor by a publish alone", () => {
    const waiting = makeBlocked();
    for (const id of ["a", "b", "c"]) waiting.note(failed(id));
    expect(waiting.note(rotated("d", "q"))).toEqual([]);
    expect(waiting.note({ ...base, credential: "e", provider: "p", result: "published" })).toEqual([]);
    expect(waiting.note(rotated("d"))).toEqual(["a", "b", "c"]);
  });
});

describe("what waits for a store", () => {
  test("is known by provider until it is taken or published", () => {
    const waiting = makeBlocked();
    waiting.note(unpublished("a", "s"));
    waiting.note(unpublished("b", "s", "q"));
    waiting.note(unpublished("c", "other"));
    waiting.note(unpublished("d", "s"));
    waiting.note({ ...rotated("d"), targets: [{ store: "s", secret: "s", result: "written", durationMs: 0 }] });
    expect(waiting.takeStore("s")).toEqual(
      new Map([
        ["p", ["a"]],
        ["q", ["b"]],
      ]),
    );
    expect(waiting.takeStore("s")).toEqual(new Map());
  });
});
