import { describe, expect, test } from "vitest";
import { loadOf } from "../../../src/core/due-load.ts";
import { script } from "../../../src/observe/page/live.ts";
import { statusPage } from "../../../src/observe/page/page.ts";
import type { RecentEvent } from "../../../src/observe/recent.ts";
import { MINUTE, NOON, attentionAt, factsAt, fleetAt, providerAt } from "../../fakes/snapshots.ts";

type Facts = Partial<Parameters<typeof statusPage>[0]>;

function pageOf(over: Facts = {}): string {
  return statusPage({ now: NOON, snapshot: fleetAt(), facts: factsAt(), nonce: "n0nce", ...over }).markup;
}

/** The text of the page, without style and script. */
function wordsOf(over: Facts = {}): string {
  return pageOf(over)
    .replaceAll(/<(style|script)[\s\S]*?<\/\1>/g, "")
    .replaceAll(/<[^>]*>/g, " ")
    .replaceAll(/\s+/g, " ");
}

function failed(credential: string, message: string): RecentEvent {
  return {
    at: NOON - 1000,
    level: "warn",
    event: "rotation.failed",
    message: "no token was obtained; the last one stays",
    fields: {
      credential,
      provider: "p",
      attempt: 2,
      error_class: "transient",
      error_code: "http_503",
      error_message: message,
    },
  };
}

describe("the verdict", () => {
  test("says that all is well, and when the next token ends", () => {
    expect(wordsOf()).toContain("All 3 credentials fresh. The next token ends in 14 min, at 12:14.");
    expect(pageOf()).toContain("<title>All 3 credentials fresh – evertoken</title>");
  });

  test("says what is wrong, and how long there is to act", () => {
    const providers = [providerAt("p", { healthy: 12_000, needs_attention: 2 })];
    const attention = [attentionAt("dead", { expiresAt: NOON - 1 }), attentionAt("a")];
    const words = wordsOf({ snapshot: fleetAt({ providers, attention }) });
    expect(words).toContain("Of 12,002 credentials: 2 need attention.");
    expect(words).toContain("The first token of a failing credential ends in 40 min, at 12:40.");
  });

  test("never calls an unknown fleet healthy: without Redis it says so, and how old its figures are", () => {
    const facts = factsAt({ redis: "disconnected" });
    expect(wordsOf({ facts, snapshot: undefined })).toContain(
      "Redis is not reachable. Nothing is known about the fleet yet.",
    );
    expect(wordsOf({ facts, now: NOON + 3 * MINUTE })).toContain("The figures below are from 12:00:00 (3 min ago).");
    expect(wordsOf({ snapshot: undefined })).toContain("Starting.");
  });

  test("of a fleet without credentials is neither good nor bad", () => {
    const page = pageOf({ snapshot: fleetAt({ providers: [providerAt("p", {})], load: loadOf(NOON, []) }) });
    expect(page).toContain('<span data-live id="sign"><span class="m plain">');
    expect(page).toContain("No credential is scheduled.");
  });

  test("says how far the recovery is when Redis has lost much of the fleet", () => {
    const facts = factsAt({ recovery: { startedAt: NOON - MINUTE, recovered: 12_000, remaining: 88_000 } });
    const page = pageOf({ facts });
    expect(page).toContain('<span data-live id="sign"><span class="m doubtful">');
    const words = wordsOf({ facts });
    expect(words).toContain("Recovering. All 3 credentials fresh. Redis has lost much of the fleet");
    expect(words).toContain("12,000 credentials are scheduled again, 88,000 remain.");
    expect(words).toContain("The next token ends in 14 min");
    expect(wordsOf({ facts: factsAt({ recovery: undefined }) })).not.toContain("Recovering");
  });

  test("says that the replica drains", () => {
    expect(wordsOf({ facts: factsAt({ draining: true }) })).toContain("Draining. All 3 credentials fresh.");
  });
});

describe("what needs attention", () => {
  test("is listed with its reason, since when, until when, and the command to type", () => {
    const attention = [
      attentionAt("acme", { state: "needs_attention", class: "config", code: "invalid_client", failures: 1 }),
      attentionAt("late", { state: "unpublished", class: "unavailable", code: "StoreDown", stores: ["aws"] }),
    ];
    const words = wordsOf({ snapshot: fleetAt({ attention }) });
    expect(words).toContain("acme p needs attention Client id or secret refused config invalid_client");
    expect(words).toContain("5 min ago 11:55, 1 failure in 60 s 12:01 in 40 min 12:40 evertoken rotate acme Copy");
    expect(words).toContain("aws: unavailable StoreDown");
    expect(words).toContain("evertoken status late");
  });

  test("has a command in which its id is no option", () => {
    expect(wordsOf({ snapshot: fleetAt({ attention: [attentionAt("-x")] }) })).toContain("evertoken status -- -x");
  });

  test("is at most 100 rows, with the number of all, in less than 100 kB with 50 events", () => {
    const attention = Array.from({ length: 100 }, (_, i) =>
      attentionAt(`account-${100_000 + i}`, { code: "ECONNREFUSED" }),
    );
    const events = attention
      .slice(0, 50)
      .map(({ credential }) =>
        failed(credential, "token endpoint api.eu.cyclr.com answered 503: the provider is unwell; retrying shortly"),
      );
    const counts = Array.from({ length: 48 }, (_, i) => 1000 + i);
    const page = pageOf({
      snapshot: fleetAt({
        providers: [providerAt("p", { healthy: 90_000, retrying: 10_000 })],
        attention,
        load: loadOf(NOON, [{ credentials: 100_000, counts }]),
      }),
      facts: factsAt({ events }),
    });
    expect(page).toContain("These 100 of 10,000 have the least time.");
    expect(page.match(/<th scope="row">account-/g)).toHaveLength(150);
    expect(Buffer.byteLength(page)).toBeLessThan(100_000);
  });
});

describe("the rest of the page", () => {
  test("shows what keeps a provider from working", () => {
    const providers = [
      providerAt("silent", { retrying: 3 }, { circuitOpen: true }),
      providerAt("throttled", { healthy: 1 }, { pausedUntil: NOON + 5000 }),
      providerAt("late", { due: 2 }, { overdue: 2 }),
    ];
    const words = wordsOf({ snapshot: fleetAt({ providers }) });
    expect(words).toContain("silent not answering 3");
    expect(words).toContain("throttled paused until 12:00:05 1");
    expect(words).toContain("late 2 overdue 2");
  });

  test("shows whether a store answers this replica", () => {
    expect(wordsOf()).toContain("s file answers 0");
    const facts = factsAt({ storesDown: new Map([["s", NOON - 11 * MINUTE]]) });
    expect(wordsOf({ facts })).toContain("s file down since 11:49 0");
  });

  test("shows who has paused what, why, and how to end the pause", () => {
    const operatorPause = {
      until: NOON + 60 * MINUTE,
      since: NOON - MINUTE,
      by: "ada@laptop",
      reason: "<i>maintenance</i>",
    };
    const providers = [
      providerAt("p", { paused: 1 }, { operatorPause, pausedCredentials: [{ credential: "acme", ...operatorPause }] }),
    ];
    const page = pageOf({ snapshot: fleetAt({ providers }) });
    expect(page).toContain("&lt;i&gt;maintenance&lt;/i&gt;");
    expect(page).toContain("evertoken resume --provider p");
    expect(page).toContain("evertoken resume acme");
  });

  test("shows the load as a chart with a sentence, and as a table", () => {
    const snapshot = fleetAt({ load: loadOf(NOON, [{ credentials: 40, counts: [5, 0, 20] }]) });
    const words = wordsOf({ snapshot });
    expect(words).toContain("The busiest half hour is that from 13:00 , with 20. 15 fall due later.");
    expect(words).toContain("Due per half hour From Due 12:00 5 13:00 20");
    expect(pageOf({ snapshot })).toContain('height="100"><title>13:00: 20</title>');
  });

  test("shows the configuration in use, and why the last reload was refused", () => {
    const lastReload = { at: NOON - MINUTE, ok: false, problems: ["fleet.yaml:3:5 unknown key <x>"] };
    const page = pageOf({
      facts: factsAt({ config: { hash: "abc123", loadedAt: NOON, restartNeeded: ["http"], lastReload } }),
    });
    expect(page).toContain("abc123");
    expect(page).toContain('<dt>Waits for a restart</dt><dd><span class="m doubtful">http</span>');
    expect(page).toContain("refused; the previous one stays in use");
    expect(page).toContain("<li>fleet.yaml:3:5 unknown key &lt;x&gt;</li>");
  });

  test("shows the 50 of 60 providers that have most trouble, and says so", () => {
    const providers = Array.from({ length: 60 }, (_, i) =>
      providerAt(`p${i}`, i === 59 ? { retrying: 1 } : { healthy: 1 }),
    );
    const page = pageOf({ snapshot: fleetAt({ providers }) });
    expect(page).toContain("The 50 with most trouble");
    expect(page).toContain('<th scope="row">p59');
    expect(page).not.toContain('<th scope="row">p58');
  });

  test("has the date of an instant on another day", () => {
    const attention = [attentionAt("a", { expiresAt: NOON + 30 * 3_600_000 })];
    expect(wordsOf({ snapshot: fleetAt({ attention }) })).toContain("in 30 h 26 Nov 18:00");
  });
});

test("names are escaped everywhere", () => {
  const evil = `<img src=x onerror=alert(1)>"'`;
  const page = pageOf({
    snapshot: fleetAt({
      providers: [providerAt(evil, { healthy: 1 })],
      stores: [{ store: evil, type: "file", unpublished: 0, expiring: [] }],
      attention: [attentionAt(evil, { provider: evil, class: evil, code: evil, stores: [evil] })],
    }),
    facts: factsAt({
      instance: evil,
      events: [{ ...failed(evil, evil), fields: { credential: evil, targets: evil } }],
    }),
  });
  expect(page).not.toContain("<img");
  expect(page.match(/&lt;img src=x onerror=alert\(1\)&gt;&quot;&#39;/g)?.length).toBeGreaterThan(8);
});

test("the policy allows only what the answer brings with it", () => {
  const { policy } = statusPage({ now: NOON, snapshot: undefined, facts: factsAt(), nonce: "n0nce" });
  expect(policy).toBe(
    "default-src 'none'; style-src 'nonce-n0nce'; script-src 'nonce-n0nce'; img-src data:; connect-src 'self'; " +
      "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  );
});

test("the script is less than 1 kB", () => {
  expect(Buffer.byteLength(script)).toBeLessThan(1000);
});
