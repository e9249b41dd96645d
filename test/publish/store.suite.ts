import { inspect } from "node:util";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Secret } from "../../src/core/credential.ts";
import { type Held, PublishError, type Published, type SecretVersion, type Store } from "../../src/core/ports/store.ts";

/** A store under test with the server behind it, as its own reader sees it. */
export interface Harness {
  readonly store: Store;
  /** The same, configured not to make missing secrets; absent where there is no such thing. */
  readonly withoutCreate?: Store;
  /** What a consumer reads. */
  read(secret: string): Promise<string | undefined>;
  /** Versions the secret has had; undefined where versions are not counted. */
  versions?(secret: string): number;
  /** The server stops answering in the given way. Absent for stores without a server. */
  fail?(how: "refuse" | "hang" | "error500" | "drop" | "echo" | "deny" | "throttle"): void;
  heal?(): void;
  /** Secrets that must never show up in an error. */
  readonly canaries: readonly string[];
  close(): Promise<void>;
}

const signal = (): AbortSignal => AbortSignal.timeout(20_000);
const AT = Math.floor(Date.now() / 1000) * 1000;

export function versionOf(revision: number, over: Partial<SecretVersion> & { text?: string } = {}): SecretVersion {
  const issuedAt = AT + revision * 1000;
  const expiresAt = issuedAt + 3_600_000;
  const iso = (at: number): string => new Date(at).toISOString().replace(".000Z", "Z");
  const json = JSON.stringify({
    access_token: `canary-token-${revision}`,
    revision,
    credential_id: "acme",
    issued_at: iso(issuedAt),
    expires_at: iso(expiresAt),
  });
  return {
    secret: "app-acme",
    payload: new Secret(over.text ?? json),
    revision,
    issuedAt,
    expiresAt,
    selfDescribing: over.text === undefined,
    ...over,
  };
}

/** The members that a look and a publish may return: no content, no token. */
const HELD = ["expiresAt", "issuedAt", "older", "revision", "version"];

/** The behaviour of every store; `abilities` says which tests have a meaning for it. */
export function testStore(
  name: string,
  make: () => Promise<Harness>,
  abilities: { server: boolean; create: boolean; counted: boolean },
): void {
  describe(`store: ${name}`, () => {
    let harness: Harness;
    let store: Store;
    beforeEach(async () => {
      harness = await make();
      ({ store } = harness);
    });
    afterEach(async () => {
      await store.close();
      await harness.withoutCreate?.close();
      await harness.close();
    });
    const failure = async (work: Promise<unknown>): Promise<PublishError> => {
      const error: unknown = await work.then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
      expect(error).toBeInstanceOf(PublishError);
      return error as PublishError;
    };

    test("a secret that does not exist holds nothing", async () => {
      expect(await store.look("app-nothing", signal())).toBeUndefined();
    });

    test("what was published is what consumers read, and a look returns its revision and expiry", async () => {
      const version = versionOf(1);
      const { result, held } = await store.publish(version, undefined, signal());
      expect(result).toBe("written");
      expect(held).toMatchObject({ revision: 1, expiresAt: version.expiresAt });
      expect(await harness.read("app-acme")).toBe(version.payload.reveal());
      const looked = await store.look("app-acme", signal());
      expect(looked).toMatchObject({ revision: 1, expiresAt: version.expiresAt });
    });

    test("a bare token is published as it is, and a look returns its revision and expiry", async () => {
      const version = versionOf(3, { text: "bare-token" });
      await store.publish(version, undefined, signal());
      expect(await harness.read("app-acme")).toBe("bare-token");
      expect(await store.look("app-acme", signal())).toMatchObject({ revision: 3, expiresAt: version.expiresAt });
    });

    test("the same version again writes nothing, whether the state is known or not", async () => {
      const version = versionOf(1);
      const { held } = await store.publish(version, undefined, signal());
      expect((await store.publish(version, undefined, signal())).result).toBe("unchanged");
      expect((await store.publish(version, held, signal())).result).toBe("unchanged");
      if (abilities.counted) expect(harness.versions?.("app-acme")).toBe(1);
    });

    test("a look finds what was published", async () => {
      for (const revision of [1, 2]) {
        const { held } = await store.publish(versionOf(revision), undefined, signal());
        const { issuedAt: _, ...rest } = held;
        expect(await store.look("app-acme", signal())).toMatchObject(rest);
      }
    });

    test("what is known is trusted: nothing is written below it", async () => {
      const { held } = await store.publish(versionOf(5), undefined, signal());
      for (const revision of [4, 5]) {
        const { result, held: kept } = await store.publish(versionOf(revision), held, signal());
        expect([result, kept.version]).toEqual(["unchanged", held.version]);
      }
      expect(await harness.read("app-acme")).toBe(versionOf(5).payload.reveal());
      if (abilities.counted) expect(harness.versions?.("app-acme")).toBe(1);
    });

    test.each([
      ["JSON", versionOf(3), versionOf(3).payload.reveal().replace("canary", "rival")],
      ["a bare token", versionOf(3, { text: "canary-token" }), "rival-token"],
    ])("another token of the same revision is left alone, and said to be there: %s", async (_, version, rival) => {
      const there = await store.publish({ ...version, payload: new Secret(rival) }, undefined, signal());
      const { result, held } = await store.publish(version, undefined, signal());
      expect(result).toBe("superseded");
      expect(held).toMatchObject({ revision: 3, expiresAt: version.expiresAt, version: there.held.version });
      expect(await harness.read("app-acme")).toBe(rival);
      if (abilities.counted) expect(harness.versions?.("app-acme")).toBe(1);
    });

    test("no answer carries the token", async () => {
      const first = versionOf(1);
      const { held } = await store.publish(first, undefined, signal());
      const answers: (Published | Held | undefined)[] = [
        await store.look("app-acme", signal()),
        await store.publish(first, undefined, signal()),
        await store.publish(first, held, signal()),
        await store.publish(versionOf(2), held, signal()),
        await store.publish(first, undefined, signal()),
      ];
      for await (const page of store.list?.(new Set(["app-acme"]), signal()) ?? [])
        answers.push(...page.map(([, listed]) => listed));
      expect(answers.length).toBeGreaterThan(4);
      for (const answer of answers) {
        const shown = answer !== undefined && "held" in answer ? answer.held : answer;
        expect(Object.keys(shown ?? {}).toSorted()).toEqual(HELD);
        expect(inspect(answer, { depth: 10, showHidden: true })).not.toContain("canary");
      }
    });

    test("a newer revision replaces an older one, with and without a look first", async () => {
      const first = await store.publish(versionOf(1), undefined, signal());
      const second = await store.publish(versionOf(2), first.held, signal());
      expect(second.result).toBe("written");
      expect((await store.publish(versionOf(3), undefined, signal())).result).toBe("written");
      expect(await harness.read("app-acme")).toBe(versionOf(3).payload.reveal());
      if (abilities.counted) expect(harness.versions?.("app-acme")).toBe(3);
    });

    test("an older revision never replaces a newer one", async () => {
      await store.publish(versionOf(5), undefined, signal());
      const { result, held } = await store.publish(versionOf(4), undefined, signal());
      expect(result).toBe("superseded");
      expect(held.revision).toBe(5);
      expect(await harness.read("app-acme")).toBe(versionOf(5).payload.reveal());
    });

    test("a payload of the largest size is taken, one byte more is refused before it is sent", async () => {
      const fits = versionOf(1, { text: "x".repeat(store.maxBytes) });
      expect((await store.publish(fits, undefined, signal())).result).toBe("written");
      const error = await failure(
        store.publish(versionOf(2, { text: "x".repeat(store.maxBytes + 1) }), undefined, signal()),
      );
      expect(error).toMatchObject({ class: "permanent", code: "PayloadTooLarge" });
      expect(error.message).toContain("app-acme");
    });

    test("a listing says what the wanted secrets hold, as a look does, and nothing about others", async () => {
      const names = Array.from({ length: 130 }, (_, i) => `app-${i}`);
      await Promise.all(names.map((secret) => store.publish({ ...versionOf(3), secret }, undefined, signal())));
      const bare = { ...versionOf(2, { text: "bare-token" }), secret: "app-bare" };
      await store.publish(bare, undefined, signal());
      const listed = new Map<string, Held>();
      const wanted = new Set([...names.slice(1), "app-bare", "app-nothing"]);
      for await (const page of store.list?.(wanted, signal()) ?? [])
        for (const [secret, held] of page) listed.set(secret, held);
      expect([...listed.keys()].toSorted()).toEqual([...names.slice(1), "app-bare"].toSorted());
      for (const secret of ["app-1", "app-129", "app-bare"]) {
        const { issuedAt: _, ...rest } = (await store.look(secret, signal())) ?? { issuedAt: 0 };
        expect(listed.get(secret)).toMatchObject(rest);
      }
    });

    test("different secrets can be published at the same time", async () => {
      const names = Array.from({ length: 20 }, (_, i) => `app-${i}`);
      await Promise.all(names.map((secret) => store.publish({ ...versionOf(1), secret }, undefined, signal())));
      for (const secret of names) expect(await harness.read(secret)).toBe(versionOf(1).payload.reveal());
    });

    if (abilities.create) {
      test("the error for a missing secret that may not be made names it, with the remedy", async () => {
        const error = await failure((harness.withoutCreate ?? store).publish(versionOf(1), undefined, signal()));
        expect(error.class).toBe("not_found");
        expect(error.message).toContain("app-acme");
        expect(error.message).toContain("create: true");
      });
    }

    if (abilities.server) {
      test("a payload that is too large is refused without a call", async () => {
        harness.fail?.("hang");
        const large = versionOf(1, { text: "x".repeat(store.maxBytes + 1) });
        const error = await failure(store.publish(large, undefined, AbortSignal.timeout(300)));
        expect(error.code).toBe("PayloadTooLarge");
      });

      test.each(["refuse", "error500"] as const)(
        "an outage (%s) is reported as one, and ends by itself",
        async (how) => {
          await store.publish(versionOf(1), undefined, signal());
          harness.fail?.(how);
          expect((await failure(store.publish(versionOf(2), undefined, signal()))).class).toBe("unavailable");
          expect((await failure(store.look("app-acme", signal()))).class).toBe("unavailable");
          harness.heal?.();
          expect((await store.publish(versionOf(2), undefined, signal())).result).toBe("written");
        },
      );

      test("a server that hangs is left at the deadline", async () => {
        harness.fail?.("hang");
        const startedAt = performance.now();
        const error = await failure(
          store.publish(versionOf(1), { revision: 0, version: "" }, AbortSignal.timeout(300)),
        );
        expect(error.class).toBe("unavailable");
        expect(error.ambiguous).toBe(true);
        expect(performance.now() - startedAt).toBeLessThan(3000);
      });

      test("a write whose answer was lost is found by looking, and not written twice", async () => {
        const { held } = await store.publish(versionOf(1), undefined, signal());
        harness.fail?.("drop");
        const lost: unknown = await store.publish(versionOf(2), held, signal()).catch((error: unknown) => error);
        harness.heal?.();
        if (lost instanceof PublishError) {
          expect(lost.ambiguous).toBe(true);
          expect((await store.publish(versionOf(2), undefined, signal())).result).toBe("unchanged");
        }
        expect(await harness.read("app-acme")).toBe(versionOf(2).payload.reveal());
        expect(harness.versions?.("app-acme")).toBe(2);
      });

      test("throttling and denial are not taken for an outage", async () => {
        harness.fail?.("throttle");
        expect((await failure(store.publish(versionOf(1), { revision: 0, version: "" }, signal()))).class).toBe(
          "throttled",
        );
        harness.fail?.("deny");
        const listing = (async () => {
          for await (const page of store.list?.(new Set(["app-acme"]), signal()) ?? []) expect(page).toEqual([]);
        })();
        expect(await failure(listing)).toMatchObject({ class: "permanent", message: expect.stringMatching(/[Ll]ist/) });
        expect((await failure(store.publish(versionOf(1), { revision: 0, version: "" }, signal()))).class).toBe(
          "permanent",
        );
      });

      test.each(["echo", "deny", "error500"] as const)(
        "no error shows a payload or a key, although the server quotes them (%s)",
        async (how) => {
          harness.fail?.(how);
          const error = await failure(store.publish(versionOf(7), { revision: 0, version: "" }, signal()));
          const shown = [
            inspect(error, { depth: 10, showHidden: true }),
            JSON.stringify(error),
            String(error),
            error.stack ?? "",
          ].join("\n");
          for (const canary of ["canary-token-7", ...harness.canaries]) expect(shown).not.toContain(canary);
        },
      );
    }
  });
}
