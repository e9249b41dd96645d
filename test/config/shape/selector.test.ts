import { describe, expect, test } from "vitest";
import { parseSelector } from "../../../src/config/shape/selector.ts";

const acme = { env: "prod", region: "eu-west-1", tier: "", "example.com/team": "billing" };

function selects(text: string, labels: Readonly<Record<string, string>> = acme): boolean {
  const selector = parseSelector(text);
  if (typeof selector === "string") throw new Error(selector);
  return selector.matches(labels);
}

describe("a selector", () => {
  test.for([
    ["env=prod", true],
    ["env==prod", true],
    ["env = prod", true],
    ["env=test", false],
    ["env=pro", false],
    ["ENV=prod", false],
    ["tier=", true],
    ["absent=", false],
    ["example.com/team=billing", true],
    ["env!=prod", false],
    ["env!=test", true],
    ["env in (prod,test)", true],
    ["env in ( test , dev )", false],
    ["env in(prod)", true],
    ["tier in (,gold)", true],
    ["env notin (test)", true],
    ["env notin (test,prod)", false],
    ["env", true],
    ["absent", false],
    ["!absent", true],
    ["! env", false],
  ] as const)("%s selects by one requirement: %s", ([text, expected]) => {
    expect(selects(text)).toBe(expected);
  });

  test.for([
    ["env=prod,region=eu-west-1", true],
    ["env=prod,region=us-east-1", false],
    ["env in (prod,test),!retired", true],
    ["env in (prod,test), region notin (us-east-1,us-east-2), example.com/team", true],
    ["!retired,env=test", false],
  ] as const)("%s wants all of its requirements: %s", ([text, expected]) => {
    expect(selects(text)).toBe(expected);
  });

  test.for(["retired!=true", "retired notin (true)"])(
    "%s selects what does not have the label, as kubectl does",
    (text) => {
      expect(selects(text)).toBe(true);
    },
  );

  test("never takes a property of every object for a label", () => {
    expect(selects("constructor", {})).toBe(false);
    expect(selects("toString!=x", {})).toBe(true);
  });

  test.for([
    ["", /^an empty requirement; write key=value, /],
    ["env=prod,", /^an empty requirement/],
    ["env=prod;tier", /^"prod;tier" is not a label value: at most 63/],
    ["env=prod tier=gold", /^"env=prod tier=gold" is not a requirement; write key=value/],
    ["age>5", /^"age>5" is not a requirement/],
    ["env in prod", /^"env in prod" is not a requirement/],
    ["env in (a", /^"env in \(a" is not a requirement/],
    ["env within (a)", /^"env within \(a\)" is not a requirement/],
    ["=prod", /^"=prod" is not a requirement/],
    ["-env=prod", /^"-env" is not a label name: 1 to 63/],
    ["a/b/c", /^"a\/b\/c" is not a label name/],
    ["!a/", /^"a\/" is not a label name/],
    [`${"k".repeat(64)}=v`, /is not a label name/],
    [`k=${"v".repeat(64)}`, /is not a label value/],
  ] as const)("%s is refused with what to write", ([text, message]) => {
    expect(parseSelector(text)).toMatch(message);
  });

  test("takes names and values of 63 characters", () => {
    expect(selects(`${"k".repeat(63)}=${"v".repeat(63)}`, { ["k".repeat(63)]: "v".repeat(63) })).toBe(true);
  });
});
