import { describe, expect, test } from "vitest";
import { Secret, type Target, type Token } from "../../src/core/credential.ts";
import { readPayload, renderPayload } from "../../src/publish/payload.ts";

const token: Token = {
  accessToken: new Secret('to"ken'),
  tokenType: "bearer",
  issuedAt: Date.UTC(2026, 0, 1, 12, 0, 0, 900),
  expiresAt: Date.UTC(2026, 0, 1, 13, 0, 0, 900),
  fields: { clientId: "abc", revision: 99, access_token: "other" },
};
const facts = { credential: "acme", revision: 7 };
const target = (over: Partial<Target> = {}): Target => ({ store: "s", secret: "x", format: "json", ...over });
const render = (over: Partial<Target> = {}, of: Token = token): string =>
  renderPayload(of, facts, target(over)).reveal();

describe("a payload", () => {
  test("is a flat JSON object, which the provider's own fields cannot change", () => {
    expect(JSON.parse(render())).toEqual({
      access_token: 'to"ken',
      token_type: "bearer",
      expires_at: "2026-01-01T13:00:00Z",
      issued_at: "2026-01-01T12:00:00Z",
      revision: 7,
      credential_id: "acme",
      clientId: "abc",
    });
  });

  test("has the scope when the provider stated it", () => {
    expect(JSON.parse(render({}, { ...token, scope: "a b" }))).toMatchObject({ scope: "a b" });
    expect(JSON.parse(render())).not.toHaveProperty("scope");
  });

  test("is the same text for the same token, so that publishing it again changes nothing", () => {
    expect(render()).toBe(render());
  });

  test("is the bare token, or a template with the token in it", () => {
    expect(render({ format: "token" })).toBe('to"ken');
    const template = "Bearer {access_token} until {expires_at} for {credential_id}/{clientId} #{revision} {unknown}";
    expect(render({ format: "template", template })).toBe(
      'Bearer to"ken until 2026-01-01T13:00:00Z for acme/abc #7 {unknown}',
    );
  });

  test("does not replace placeholders within a value that it has inserted", () => {
    const odd = { ...token, accessToken: new Secret("{revision}") };
    expect(render({ format: "template", template: "{access_token}" }, odd)).toBe("{revision}");
  });

  test("of ours states its revision and expiry, and no other does", () => {
    expect(readPayload(render())).toEqual({
      revision: 7,
      issuedAt: "2026-01-01T12:00:00Z",
      expiresAt: "2026-01-01T13:00:00Z",
    });
    for (const other of ["", "token", "null", "[]", "{}", '{"revision":"7"}'])
      expect(readPayload(other)).toBeUndefined();
  });
});
