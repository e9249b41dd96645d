import { createSecretKey } from "node:crypto";
import { describe, expect, test } from "vitest";
import { Secret, type Token } from "../../src/core/credential.ts";
import { deriveKey, makeSeal, fingerprintOf } from "../../src/secrets/seal.ts";

const key = Buffer.alloc(32, 1);
const token: Token = {
  accessToken: new Secret("canary-token"),
  tokenType: "Bearer",
  issuedAt: 1,
  expiresAt: 2,
  scope: "a b",
  fields: { instance_url: "https://x", nested: { a: [1] } },
};

describe("a sealed token", () => {
  test("comes out as it went in, with the same key and in the same place", () => {
    const { seal, unseal } = makeSeal([key]);
    const opened = unseal(seal(token, "p/acme/7"), "p/acme/7")?.token;
    expect({ ...opened, accessToken: opened?.accessToken.reveal() }).toEqual({ ...token, accessToken: "canary-token" });
  });

  test("shows nothing, and differs each time", () => {
    const { seal } = makeSeal([key]);
    const [one, two] = [Buffer.from(seal(token, "p/acme/7")), Buffer.from(seal(token, "p/acme/7"))];
    for (const part of ["canary", "Bearer", "instance_url"]) expect(one.includes(part)).toBe(false);
    expect(one.equals(two)).toBe(false);
  });

  test("does not open with another key, in another place, cut or touched anywhere", () => {
    const { seal, unseal } = makeSeal([key]);
    const sealed = Buffer.from(seal(token, "p/acme/7"));
    expect(makeSeal([Buffer.alloc(32, 2)]).unseal(sealed, "p/acme/7")).toBeUndefined();
    expect(unseal(sealed, "p/acme/8")).toBeUndefined();
    expect(unseal(sealed.subarray(0, 20), "p/acme/7")).toBeUndefined();
    expect(unseal(Buffer.alloc(0), "p/acme/7")).toBeUndefined();
    for (let i = 0; i < sealed.length; i++) {
      const touched = Buffer.from(sealed);
      touched[i] = (touched[i] ?? 0) ^ 1;
      expect(unseal(touched, "p/acme/7")).toBeUndefined();
    }
  });
});

describe("of several keys", () => {
  const [old, next] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)];

  test("the first seals: who has that one alone can open", () => {
    const sealed = makeSeal([next, old]).seal(token, "p/acme/7");
    expect(makeSeal([next]).unseal(sealed, "p/acme/7")?.outdated).toBe(false);
    expect(makeSeal([old]).unseal(sealed, "p/acme/7")).toBeUndefined();
  });

  test("each opens; what another than the first has sealed is outdated", () => {
    const sealed = makeSeal([old]).seal(token, "p/acme/7");
    const third = Buffer.alloc(32, 3);
    for (const keys of [[next, old] as const, [third, next, old] as const]) {
      const opened = makeSeal(keys).unseal(sealed, "p/acme/7");
      expect(opened?.token.accessToken.reveal()).toBe("canary-token");
      expect(opened?.outdated).toBe(true);
    }
    expect(makeSeal([old, next]).unseal(sealed, "p/acme/7")?.outdated).toBe(false);
    expect(makeSeal([third, next]).unseal(sealed, "p/acme/7")).toBeUndefined();
  });
});

test("no nonce is used twice, however many tokens are sealed", () => {
  const { seal } = makeSeal([key]);
  const nonces = Array.from({ length: 1000 }, () =>
    Buffer.from(seal(token, "p/acme/7").subarray(1, 13)).toString("hex"),
  );
  expect(new Set(nonces).size).toBe(nonces.length);
});

describe("keys and fingerprints", () => {
  test("a key gives another key for each purpose, always the same", () => {
    expect(deriveKey(key, "a").equals(deriveKey(key, "a"))).toBe(true);
    expect(deriveKey(key, "a").equals(deriveKey(key, "b"))).toBe(false);
  });

  test("a fingerprint changes with each secret, their order, their borders and the key, and shows none of them", () => {
    const of = (...secrets: string[]): string =>
      fingerprintOf(
        createSecretKey(key),
        secrets.map((each) => new Secret(each)),
      );
    expect(of("a", "b")).toBe(of("a", "b"));
    const prints = [
      of("a", "b"),
      of("b", "a"),
      of("ab"),
      of("a"),
      of("a", "b", ""),
      fingerprintOf(createSecretKey(Buffer.alloc(32, 9)), [new Secret("a"), new Secret("b")]),
    ];
    expect(new Set(prints).size).toBe(prints.length);
    for (const print of prints) expect(print).toMatch(/^[0-9a-f]{12}$/);
  });
});
