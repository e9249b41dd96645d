import { describe, expect, test } from "vitest";
import { foreignHostMessage, isKnownHost } from "../../src/observe/hosts.ts";

const ALLOWED = ["127.0.0.1", "status.example.com", "*.ops.example.com"];

describe("the names under which a browser is answered", () => {
  test.each([
    "localhost",
    "localhost:9464",
    "LOCALHOST:9464",
    "localhost.",
    "evertoken.localhost:9464",
    "127.0.0.1:9464",
    "127.8.8.8",
    "[::1]:9464",
    "10.1.2.3:9464",
    "status.example.com",
    "Status.Example.com:443",
    "eu.ops.example.com",
  ])("are names of this machine, addresses, and the allowed names: %s", (header) => {
    expect(isKnownHost(header, ALLOWED)).toBe(true);
  });

  test.each([
    "evil.example",
    "status.example.com.evil.example",
    "xstatus.example.com",
    "ops.example.com",
    "evilops.example.com",
    "localhost.evil.example",
    "127.0.0.1.evil.example",
    "127.0.0.1@evil.example",
    "[evil]:80",
    "a b",
    "evil.example:port",
    "",
    undefined,
  ])("do not include: %s", (header) => {
    expect(isKnownHost(header, ALLOWED)).toBe(false);
  });

  test("the refusal names the key to set, and quotes nothing but a well-formed name", () => {
    expect(foreignHostMessage("evil.example:80")).toContain("under the name evil.example ");
    expect(foreignHostMessage("evil.example:80")).toContain("http.allowedHosts");
    expect(foreignHostMessage("<script>")).not.toContain("script");
  });
});
