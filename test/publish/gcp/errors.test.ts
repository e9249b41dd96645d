import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import { gcpError } from "../../../src/publish/gcp/errors.ts";

describe("an error of GCP Secret Manager", () => {
  test.each([
    [1, "CANCELLED", "unavailable", true],
    [2, "UNKNOWN", "unavailable", true],
    [3, "INVALID_ARGUMENT", "permanent", false],
    [4, "DEADLINE_EXCEEDED", "unavailable", true],
    [5, "NOT_FOUND", "not_found", false],
    [6, "ALREADY_EXISTS", "conflict", false],
    [7, "PERMISSION_DENIED", "permanent", false],
    [8, "RESOURCE_EXHAUSTED", "throttled", false],
    [9, "FAILED_PRECONDITION", "state", false],
    [10, "ABORTED", "unavailable", true],
    [12, "UNIMPLEMENTED", "permanent", false],
    [13, "INTERNAL", "unavailable", true],
    [14, "UNAVAILABLE", "unavailable", true],
    [16, "UNAUTHENTICATED", "auth", false],
  ])("with code %i is %s: %s, in doubt after a write: %s", (code, name, className, ambiguous) => {
    const error = gcpError({ code, message: `${code} canary-details` }, "AddSecretVersion", "app-acme");
    expect(error).toMatchObject({ code: name, class: className, ambiguous });
    expect(error.message).toMatch(/^GCP Secret Manager: AddSecretVersion of "app-acme" failed with [A-Z_]+; \w/);
    expect(gcpError({ code }, "AccessSecretVersion", "app-acme").ambiguous).toBe(false);
  });

  test("with a code that gRPC does not have, or none, is UNKNOWN", () => {
    for (const code of [0.5, 99, -1, "ECONNRESET", undefined]) {
      expect(gcpError({ code }, "GetSecret", "app-acme")).toMatchObject({ code: "UNKNOWN", class: "unavailable" });
    }
  });

  test("about the identity's own token is one of the identity, whatever its code", () => {
    const message = "2 UNKNOWN: Getting metadata from plugin failed with error: canary-details";
    expect(gcpError({ code: 2, message }, "AddSecretVersion", "app-acme")).toMatchObject({
      code: "UNAUTHENTICATED",
      class: "auth",
      ambiguous: false,
    });
  });

  test("shows nothing of what the SDK's own error says", () => {
    const theirs = Object.assign(new Error("7 PERMISSION_DENIED: canary-message"), {
      code: 7,
      details: "canary-details",
      metadata: { internalRepr: new Map([["x", ["canary-metadata"]]]) },
      statusDetails: [{ reason: "canary-reason" }],
    });
    const error = gcpError(theirs, "AddSecretVersion", "app-acme");
    expect(inspect(error, { depth: 10, showHidden: true })).not.toContain("canary");
  });

  test("of a refused write names the roles and the refused operation", () => {
    const { message } = gcpError({ code: 7 }, "AddSecretVersion", "app-acme");
    expect(message).toContain("roles/secretmanager.secretVersionManager");
    expect(message).toContain("refused: AddSecretVersion");
  });
});
