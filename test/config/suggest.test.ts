import { describe, expect, test } from "vitest";
import { closest } from "../../src/config/suggest.ts";

describe("a suggestion", () => {
  test.for([
    ["leevl", ["level", "format"], "level"],
    ["LEVEL", ["level"], "level"],
    ["rotateat", ["rotateAt", "retryBudget"], "rotateAt"],
    ["frmat", ["level", "format"], "format"],
    ["whatever", ["level", "format"], undefined],
    ["", ["level"], undefined],
    ["x", [], undefined],
  ] as const)("for %j among %j is %j", ([word, candidates, meant]) => {
    expect(closest(word, candidates)).toBe(meant);
  });
});
