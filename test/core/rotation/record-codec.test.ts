import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Credential } from "../../../src/core/credential.ts";
import { type CredentialRecord, type TargetRecord, emptyTarget } from "../../../src/core/rotation/record.ts";
import { specOf, targetKey } from "../../../src/core/rotation/spec.ts";
import { decodeRecord, encodeRecord } from "../../../src/core/rotation/record-codec.ts";
import { START, credential, provider, target } from "../../fakes/world.ts";

const HOUR = 3_600_000;
/** Characters that fit an allocation of 48 bytes in Redis. */
const ROOM = 44;

/** A record as a rotation leaves it, with revision 46,655 and a life of 14 days. */
function ordinary(of: Credential, over: Partial<TargetRecord> = {}): CredentialRecord {
  const revision = 46_655;
  const expiresAt = START + 14 * 24 * HOUR;
  const held = { ...emptyTarget, revision, expiresAt, confirmedIn: "a1b2c3", ...over };
  return {
    revision,
    issuedAt: START,
    expiresAt,
    dueAt: START + 10 * 24 * HOUR,
    spec: specOf(of, provider),
    targets: Object.fromEntries(of.publish.map((each) => [targetKey(each), held])),
  };
}

describe("the text of a record", () => {
  test("has room in 48 bytes of Redis when there is one target and nothing has failed", () => {
    const of = credential({ publish: [target("aws", { secret: "cyclr/account-12345/api" })] });
    expect(encodeRecord(ordinary(of), of.publish).length).toBeLessThanOrEqual(ROOM);
  });

  test("is the same length while a publish is under way, but for the epochs", () => {
    const of = credential();
    const text = encodeRecord(ordinary(of, { confirmedIn: "" }), of.publish);
    expect(text.length).toBe(encodeRecord(ordinary(of), of.publish).length - "a1b2c3".length);
  });

  test("takes 15 characters more for another target, and keeps versions and superseded ones", () => {
    const both = credential({ publish: [target("aws"), target("gcp")] });
    const one = { ...both, publish: both.publish.slice(0, 1) };
    const text = (of: Credential): string => encodeRecord(ordinary(of), of.publish);
    expect(text(both).length - text(one).length).toBe(15);
    const record = ordinary(one, { version: "12", older: [["11", START + HOUR]] });
    expect(encodeRecord(record, one.publish)).toMatch(/^2/);
    expect(decodeRecord(encodeRecord(record, one.publish))).toEqual({ ...record, spec: record.spec.slice(-7) });
  });

  test("takes the mark of a traced rotation behind four characters, and is the same otherwise", () => {
    const of = credential();
    const record = { ...ordinary(of), scheduledBy: Buffer.alloc(25, 7).toString("base64url") };
    const text = encodeRecord(record, of.publish);
    expect(text).toBe(`${encodeRecord(ordinary(of), of.publish)} by:${record.scheduledBy}`);
    expect(decodeRecord(text)?.scheduledBy).toBe(record.scheduledBy);
  });

  const instant = fc.oneof(fc.integer({ min: 0, max: 4e12 }), fc.double({ min: -1e13, max: 1e13, noNaN: true }));
  const word = fc.oneof(fc.stringMatching(/^[0-9a-z]{1,11}$/), fc.string());
  const held = fc.record({
    revision: fc.nat(),
    version: fc.oneof(fc.constant(""), fc.nat().map(String), fc.string()),
    expiresAt: instant,
    confirmedIn: fc.oneof(fc.constantFrom("", "a1b2c3", "same"), fc.string()),
    failures: fc.constant(0),
    retryAt: fc.constant(0),
    older: fc.array(fc.tuple(fc.oneof(fc.nat().map(String), fc.string()), instant), { maxLength: 3 }),
  });
  const failing = fc.record({
    ...{
      revision: fc.nat(),
      version: fc.string(),
      expiresAt: instant,
      confirmedIn: fc.string(),
      older: fc.constant([]),
    },
    failures: fc.integer({ min: 1 }),
    retryAt: fc.nat(),
    failure: fc.tuple(fc.constantFrom("throttled", "auth"), fc.string()),
  });
  const targets = [target("one"), target("two", { format: "token" }), target("three", { template: "{access_token}" })];
  const record = fc
    .record(
      {
        revision: fc.nat(),
        issuedAt: instant,
        expiresAt: instant,
        dueAt: instant,
        spec: word,
        held: fc.array(fc.oneof({ weight: 4, arbitrary: held }, failing), { maxLength: 3 }),
        listed: fc.constant(true),
        scheduledBy: fc.string(),
      },
      { requiredKeys: ["revision", "issuedAt", "expiresAt", "dueAt", "spec", "held"] },
    )
    .map(({ held: all, ...rest }) => ({
      ...rest,
      targets: Object.fromEntries(all.map((each, i) => [targetKey(targets[i] ?? target("")), each])),
    }));

  test("gives back whatever was written", () => {
    fc.assert(
      fc.property(record, (each) => {
        const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value)); // JSON knows no -0
        const text = encodeRecord(each, targets);
        const read = decodeRecord(text);
        expect(plain({ ...read, spec: "" })).toEqual(plain({ ...each, spec: "" }));
        // The last digits of the spec are enough.
        expect(each.spec.slice(-7)).toBe(read?.spec.slice(-7));
      }),
      { numRuns: 2000 },
    );
  });

  test("of another version, or damaged, is no record, and no error", () => {
    const text = encodeRecord(ordinary(credential()), credential().publish);
    for (const other of ["", "3", "[2,0,0,0]", "[1", "[1]", "2", `3${text.slice(1)}`, text.slice(0, 30), `${text} x`]) {
      expect(decodeRecord(other)).toBeUndefined();
    }
    fc.assert(
      fc.property(fc.string(), fc.nat({ max: 60 }), (noise, at) => {
        decodeRecord(noise);
        decodeRecord(text.slice(0, at) + noise + text.slice(at));
      }),
    );
  });
});
