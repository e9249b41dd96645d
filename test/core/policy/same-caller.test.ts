import { describe, expect, test } from "vitest";
import { sameCallers } from "../../../src/core/policy/same-caller.ts";
import { credential, provider } from "../../fakes/world.ts";

const HOST = "https://login.example.com";
const providerAt = (name: string, tokenEndpoint: string) => [name, { ...provider, name, tokenEndpoint }] as const;
const of = (name: string, over: Parameters<typeof credential>[0] = {}) =>
  credential({ id: `${name}-${over.clientId ?? ""}`, provider: name, ...over });

describe("who must wait with a caller that its host throttles", () => {
  const providers = new Map([
    providerAt("p", `${HOST}/a/token`),
    providerAt("path", `${HOST}/b/token`),
    providerAt("port", `${HOST}:8443/token`),
    providerAt("elsewhere", "https://login.example.org/token"),
    providerAt("each", `${HOST}/{tenant}/token`),
  ]);
  const asked = of("p", { clientId: "one" });
  const others = (...credentials: ReturnType<typeof of>[]) =>
    sameCallers(asked, { providers, credentials: [asked, ...credentials] });

  test.each(["path", "each"])("is also the provider %s, at another path of the host", (name) => {
    const own = name === "each" ? { tokenEndpoint: `${HOST}/acme/token` } : {};
    const host = name === "each" ? new URL(HOST).host : undefined;
    expect(others(of(name, { clientId: "one", ...own }))).toEqual([{ provider: name, host }]);
  });

  test.each(["port", "elsewhere"])("is not the provider %s, at another host", (name) => {
    expect(others(of(name, { clientId: "one" }))).toEqual([]);
  });

  test("is not a provider with other clients only", () => {
    expect(others(of("path", { clientId: "two" }))).toEqual([]);
  });

  test("is named once, however many of its credentials have the client", () => {
    const scopes = ["a", "b"].map((scope) => of("path", { clientId: "one", scope }));
    expect(others(...scopes)).toEqual([{ provider: "path", host: undefined }]);
  });

  test("is never the provider itself: it waits anyway", () => {
    expect(others(of("p", { clientId: "one", scope: "b" }))).toEqual([]);
  });
});
