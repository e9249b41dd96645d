import { describe, expect, test } from "vitest";
import { fileError } from "../../../src/publish/file/errors.ts";

const errno = (code: string): Error => Object.assign(new Error(`${code}: canary`), { code });

describe("the errors of the file store", () => {
  test.each(["EROFS", "ENOSPC", "EDQUOT", "EIO", "EMFILE", "ESTALE", "ENOTCONN", "ETIMEDOUT"])(
    "a file system that fails as a whole (%s) is a state of the store, not of one secret",
    (code) => {
      expect(fileError(errno(code), "app-acme", "/tokens")).toMatchObject({ class: "unavailable", code });
    },
  );

  test.each([
    ["EISDIR", "state"],
    ["ENOTDIR", "state"],
    ["EACCES", "permanent"],
    ["ENAMETOOLONG", "permanent"],
  ])("what one secret's path is guilty of (%s) is %s", (code, kind) => {
    expect(fileError(errno(code), "app-acme", "/tokens")).toMatchObject({ class: kind, code });
  });

  test("no error quotes another one", () => {
    for (const error of [errno("EIO"), errno("canary"), new TypeError("canary")]) {
      expect(JSON.stringify([fileError(error, "app-acme", "/tokens").message])).not.toContain("canary");
    }
  });
});
