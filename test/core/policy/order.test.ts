import { describe, expect, test } from "vitest";
import { DANGER_MS, catchUpOrder, waitOf } from "../../../src/core/policy/order.ts";

const NOW = 1_000_000_000;
const WAIT = 60_000;
const EDGE = NOW + WAIT + DANGER_MS;

function order(...candidates: readonly (readonly [id: string, liveUntil: number, dueAt?: number])[]): string {
  const due = candidates.map(([id, liveUntil, dueAt = NOW - 1]) => ({ id, liveUntil, dueAt }));
  return catchUpOrder(due, NOW, WAIT)
    .map(({ id }) => id)
    .join(" ");
}

describe("the order of a catch-up", () => {
  test("puts live tokens that would die before their turn first, the nearest end before the others", () => {
    expect(order(["later", NOW + 9000], ["dead", NOW - 5], ["sooner", NOW + 1])).toBe("sooner later dead");
  });

  test("takes the most recently dead token next", () => {
    expect(order(["long-dead", NOW - 9000], ["just-dead", NOW], ["dead", NOW - 5])).toBe("just-dead dead long-dead");
  });

  test("puts tokens that have time, and credentials that never had one, last, by due time", () => {
    expect(order(["never", 0, NOW - 2], ["safe", EDGE + 1, NOW - 3], ["dead", NOW - 1])).toBe("dead safe never");
  });

  test("counts a token as endangered up to the end of the wait and its margin, and not a moment longer", () => {
    expect(order(["dead", NOW - 1], ["at", EDGE])).toBe("at dead");
    expect(order(["dead", NOW - 1], ["after", EDGE + 1])).toBe("dead after");
  });

  test("the wait is the backlog at the provider's rate, or at an assumed one where there is none", () => {
    expect(waitOf(100, { perSecond: 5, concurrency: 4 })).toBe(20_000);
    expect(waitOf(100, { concurrency: 10 })).toBe(5000);
  });
});
