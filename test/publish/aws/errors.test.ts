import { expect, test } from "vitest";
import { awsError } from "../../../src/publish/aws/errors.ts";

test.each([
  ["DescribeSecret", false],
  ["ListSecrets", false],
  ["PutSecretValue", true],
  ["CreateSecret", true],
])("a lost answer to %s leaves a doubt about what the store holds: %s", (operation, ambiguous) => {
  const lost = Object.assign(new Error("socket hang up"), { name: "RequestTimeout", code: "ECONNRESET" });
  expect(awsError(lost, operation, "cyclr/acme")).toMatchObject({
    class: "unavailable",
    code: "ECONNRESET",
    ambiguous,
  });
});
