import { expect, test } from "vitest";
import { parseFraction } from "../../../src/config/shape/fraction.ts";

test.for([
  ["75%", 0.75],
  ["0.5", 0.5],
  [0.5, 0.5],
  ["x%", undefined],
  ["", undefined],
] as const)("the share %j is %j", ([written, fraction]) => {
  expect(parseFraction(written)).toBe(fraction);
});
