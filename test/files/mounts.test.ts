import { expect, test } from "vitest";
import { mountOf, parseMounts } from "../../src/files/mounts.ts";

test("a list of mounts gives the points, blanks included", () => {
  const text = [
    "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/root rw",
    "36 35 98:0 /mnt1 /mnt/two\\040words rw,noatime master:1 - nfs server:/x rw",
    "",
  ].join("\n");
  expect([...parseMounts(text)]).toEqual(["/", "/mnt/two words"]);
});

test.skipIf(process.platform !== "linux")("a path lies below the nearest mount", () => {
  expect(mountOf("/proc/self/status")).toBe("/proc");
  expect(mountOf("/proc")).toBe("/proc");
  expect(mountOf("/nowhere/at/all")).toBe("/");
});
