import { rm } from "node:fs/promises";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { configurationOf, configuredCredential } from "../fakes/configuration.ts";
import { type Daemon, type Site, makeSite, rotated } from "../fakes/daemon.ts";
import { type TokenEndpoint, json, startTokenEndpoint, token } from "../fakes/token-endpoint.ts";

interface Row {
  readonly credential: string;
  readonly state: string;
}

describe("an operator", () => {
  let site: Site;
  let provider: TokenEndpoint;
  let daemon: Daemon;
  const ids = ["acme", "globex", "initech"];
  const run = async (line: string) => site.run([...line.split(" "), "-c", site.config]);
  const rows = async (line: string): Promise<string[]> => {
    const { stdout } = await run(`status ${line} -o json`);
    return (JSON.parse(stdout) as { credentials: Row[] }).credentials.map(({ credential }) => credential);
  };

  beforeAll(async () => {
    site = await makeSite();
    provider = await startTokenEndpoint();
    await site.write("secret", "s3cret");
    await site.configure(
      configurationOf(provider.url, [], {
        history: { keep: 5 },
        providers: {
          p: { tokenEndpoint: `${provider.url}/p` },
          q: { tokenEndpoint: `${provider.url}/q` },
        },
        credentials: ids.map((id) =>
          configuredCredential(id, {
            provider: id === "initech" ? "q" : "p",
            labels: { env: id === "globex" ? "dev" : "prod" },
          }),
        ),
      }),
    );
    daemon = await site.start();
    for (const id of ids) {
      await daemon.line(rotated(id));
    }
  });
  afterEach(() => {
    provider.otherwise(token());
  });
  afterAll(async () => {
    await site[Symbol.asyncDispose]();
    await provider.close();
  });

  describe("selects", () => {
    test.each([
      ["by provider", "--provider p", ["acme", "globex"]],
      ["by labels", "-l env=prod", ["acme", "initech"]],
      ["by both", "-l env=prod --provider q", ["initech"]],
      ["by state", "--state healthy", ids],
      ["by one of several states", "--state paused,healthy --provider q", ["initech"]],
      ["all", "--all", ids],
      ["by ids", "acme initech", ["acme", "initech"]],
    ])("%s", async (_, line, expected) => {
      expect(await rows(line)).toEqual(expected);
    });

    test.each([
      ["an unknown id", "rotate acmee", /no credential "acmee" in the configuration \(did you mean "acme"\?\)/],
      ["an unknown provider", "rotate --provider pp", /no provider "pp" in the configuration \(did you mean "p"\?\)/],
      [
        "an unknown state",
        "status --state retryng",
        /unknown state "retryng"; known states are .* \(did you mean "retrying"\?\)/,
      ],
      [
        "an unknown label",
        "pause -l evn=prod",
        /no credential matches evn=prod; labels are env \(did you mean "env"\?\)/,
      ],
      ["a label value that no credential has", "pause -l env=qa", /no credential matches env=qa; labels are env/],
      ["a malformed selector", "resume -l env==", /^(?!.*unexpected)[^]*env/],
      ["a state in which no credential is", "rotate --state paused", /no credential is in state paused/],
      ["ids beside a selection", "rotate acme --all", /give ids, or a selection, not both/],
      ["--all beside a filter", "rotate --all --provider p", /--all selects everything/],
      [
        "nothing at all",
        "rotate",
        /which credentials\? Give ids, --provider NAME, -l SELECTOR, --state STATE or --all/,
      ],
      ["a malformed rate", "rotate acme --rate fast", /--rate wants a rate like 5\/s/],
      ["a pause without an end", "pause acme --for 31d", /--for wants a duration of at most 30d/],
      ["a malformed interval", "status --watch now", /--watch wants a duration/],
    ])("refuses %s with exit code 2 and does nothing", async (_, line, hint) => {
      const { code, stdout, stderr } = await run(line);
      expect(stderr).toMatch(hint);
      expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    });

    test("a state in which no credential is: an empty list, with exit code 0", async () => {
      expect(await run("status --state needs_attention -o ndjson")).toEqual({
        code: 0,
        stdout: "",
        stderr: "no credential is in state needs_attention\n",
      });
    });
  });

  test("lists credentials as a table, as a wide table, and as one line of JSON each", async () => {
    const { code, stdout } = await run("status --all");
    expect(code).toBe(0);
    expect(stdout).toMatch(/^CREDENTIAL +PROVIDER +STATE +EXPIRES +NEXT +FAILURE\nacme +p +healthy +in \d/);
    expect((await run("status acme globex -o wide")).stdout).toMatch(/PAUSED UNTIL +BY +WHY\n/);
    const lines = (await run("status -l env=prod -o ndjson")).stdout.trimEnd().split("\n");
    expect(lines.map((line) => JSON.parse(line) as Row)).toMatchObject([
      { schemaVersion: 1, credential: "acme", state: "healthy" },
      { schemaVersion: 1, credential: "initech" },
    ]);
  });

  describe("must confirm a command for many credentials", () => {
    test("with --yes if stdin is not a terminal; without it the exit code is 2", async () => {
      const { code, stderr } = await run("rotate --all");
      expect(code).toBe(2);
      expect(stderr).toContain(
        "rotate 3 credentials (all)? This is not a terminal, so nobody can confirm: " +
          "give --yes, or look first with --dry-run",
      );
    });

    test("and can look first with --dry-run, which does nothing", async () => {
      expect(await run("rotate --all --dry-run")).toEqual({
        code: 0,
        stdout: ids.map((id) => `${id}: would rotate (healthy)\n`).join(""),
        stderr: "3 credentials; nothing was done\n",
      });
      expect(JSON.parse((await run("pause --provider p --dry-run -o json")).stdout)).toMatchObject({
        schemaVersion: 1,
        dryRun: true,
        action: "pause",
        credentials: [{ credential: "acme" }, { credential: "globex" }],
      });
    });

    test("with --yes it runs, at the given rate", async () => {
      const { code, stdout } = await run("rotate --all --yes --wait --rate 20/s -o json");
      expect(code).toBe(0);
      const { results } = JSON.parse(stdout) as { results: { credential: string; result: string }[] };
      expect(results.map(({ result }) => result)).toEqual(["rotated", "rotated", "rotated"]);
    });
  });

  test("ends the cooldown that a provider asked for, and what was throttled is sent at once", async () => {
    provider.next(json(429, {}, { "retry-after": "80000" }));
    await run("rotate acme");
    const patient = { timeout: 60_000 };
    await expect.poll(async () => rows("--state retrying"), patient).toEqual(["acme"]);
    expect((await run("resume --provider p --cooldown")).stdout).toBe(
      "provider p: its cooldown has ended; what is due is sent\n",
    );
    // The provider q asks the same host for the same client: it cools down too.
    expect((await run("resume --all --cooldown --yes")).stdout).toMatch(/^provider p: had no cooldown$/m);
    await expect.poll(async () => rows("--state healthy"), patient).toEqual(ids);
    expect(await run("resume acme --cooldown")).toMatchObject({ code: 2 });
  });

  describe("pauses", () => {
    afterEach(async () => {
      await run("resume --all --yes");
    });

    test("a credential: status shows who, why and until when, and no rotation starts meanwhile", async () => {
      const paused = await site.run(
        ["pause", "acme", "--for", "2h", "--reason", "the account moves", "-c", site.config],
        {},
      );
      expect(paused).toMatchObject({ code: 0, stderr: "" });
      expect(paused.stdout).toMatch(/^acme: paused until 20\d\d-.*Z \(in 2h\)\n$/);
      const refused = await run("rotate acme");
      expect(refused).toMatchObject({ code: 1, stdout: "" });
      expect(refused.stderr).toMatch(
        /^acme: paused until .*Z by \S+@\S+ \(the account moves\); "evertoken resume" ends that\n$/,
      );
      expect((await run("status acme")).stdout).toMatch(/^paused +until .* by \S+: the account moves$/m);
      const fleet = await run("status");
      expect(fleet).toMatchObject({ code: 0 });
      expect(fleet.stdout).toMatch(/^Of 3 credentials: 1 paused by an operator/);
      expect(fleet.stdout).toMatch(/^acme +20\d\d-\S+Z +\S+@\S+ +the account moves$/m);
      expect(await rows("--state paused")).toEqual(["acme"]);
      expect(await run("resume acme")).toMatchObject({ code: 0, stdout: "acme: resumed\n" });
      expect(await run("resume acme")).toMatchObject({ code: 0, stdout: "acme: was not paused\n" });
      expect(await run("rotate acme --wait")).toMatchObject({ code: 0 });
    });

    test("a whole provider, beside a credential that has a pause of its own", async () => {
      await run("pause acme");
      expect((await run("pause --provider p")).stdout).toMatch(/^provider p: paused until .* \(in 1h\)\n$/);
      const status = JSON.parse((await run("status -o json")).stdout) as {
        states: object;
        providers: object[];
        actions: object[];
      };
      expect(status.states).toMatchObject({ paused: 2, healthy: 1 });
      expect(status.providers[0]).toMatchObject({ provider: "p", operatorPause: { by: expect.stringContaining("@") } });
      expect(status.actions[0]).toMatchObject({ action: "pause", target: "provider p", count: 2 });
      const one = await run("resume globex");
      expect(one).toMatchObject({ code: 1 });
      expect(one.stderr).toBe('globex: the provider is paused: "evertoken resume --provider p"\n');
      const provider = await run("resume --provider p");
      expect(provider.stdout).toBe(
        "provider p: resumed; these credentials have a pause of their own (resume them by id, or use --all): acme\n",
      );
      expect(await rows("--state paused")).toEqual(["acme"]);
    });

    test("and the metrics and the log of the daemon show it", async () => {
      await run("pause acme --reason quiet");
      const logged = await daemon.line((line) => line.event === "operator.action" && line["reason"] === "quiet");
      expect(logged).toMatchObject({ action: "pause", target: "acme", count: 1, actor: expect.stringContaining("@") });
      await expect
        .poll(async () => (await fetch(`${daemon.url}/metrics`)).text(), { timeout: 80_000, interval: 500 })
        .toContain('evertoken_credentials{provider="p",state="paused"} 1');
    });

    test("and the pause survives a restart of the daemon, and ends by itself", async () => {
      await run("pause acme --for 20s");
      daemon.signal("SIGTERM");
      await daemon.exited;
      daemon = await site.start();
      expect(await rows("--state paused")).toEqual(["acme"]);
      await run("pause acme --for 100ms");
      await expect.poll(() => rows("--state paused"), { timeout: 80_000 }).toEqual([]);
    });
  });

  describe("publishes", () => {
    test("and learns that there is nothing to publish", async () => {
      const before = provider.seen.length;
      expect((await run("publish acme --wait")).stdout).toMatch(
        /^acme: nothing to publish, every target holds revision \d+\n$/,
      );
      expect(provider.seen.length).toBe(before);
    });

    test("and learns that a secret is gone and what to do, which helps", async () => {
      await rm(site.path("tokens/globex"));
      const lost = await run("publish globex --wait");
      expect(lost).toMatchObject({ code: 1, stdout: "" });
      expect(lost.stderr).toMatch(
        new RegExp(
          "^globex: local:globex does not hold revision \\d+, and no copy of the token is kept: " +
            '"evertoken rotate globex" obtains a new one\n$',
        ),
      );
      expect(await rows("--state unpublished")).toEqual(["globex"]);
      expect(await run("rotate globex --wait")).toMatchObject({ code: 0 });
      expect(await rows("--state unpublished")).toEqual([]);
    });
  });

  test("gets exit code 5 when some of several targets failed", async () => {
    provider.otherwise((seen, response, socket) => {
      const answer = seen.headers.authorization?.includes(Buffer.from("acme").toString("base64").slice(0, 4))
        ? json(401, { error: "invalid_client" })
        : token();
      answer(seen, response, socket);
    });
    const { code, stdout, stderr } = await run("rotate acme globex --wait");
    expect(stderr).toMatch(/^acme: failed, config invalid_client; see "evertoken status acme"\n$/);
    expect(stdout).toMatch(/^globex: rotated, revision \d+\n$/);
    expect(code).toBe(5);
    provider.otherwise(token());
    expect(await run("rotate --failed --wait")).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^acme: rotated/),
    });
  });

  test("reads the history of a credential: outcomes and actions, newest first, at most history.keep", async () => {
    await run("rotate initech --wait");
    await run("rotate initech --wait");
    const { code, stdout } = await run("history initech -o json");
    expect(code).toBe(0);
    const history = JSON.parse(stdout) as { outcomes: { result: string; revision: number }[]; actions: object[] };
    expect(history).toMatchObject({ schemaVersion: 1, credential: "initech", provider: "q", keep: 5 });
    expect(history.outcomes[0]).toMatchObject({ result: "rotated", reason: "Requested" });
    const revisions = history.outcomes.map(({ revision }) => revision);
    expect(revisions).toEqual(revisions.toSorted((a, b) => b - a));
    expect(history.outcomes.length).toBeLessThanOrEqual(5);
    expect(history.actions[0]).toMatchObject({ action: "rotate", target: "initech" });
    const table = await run("history initech");
    expect(table.stdout).toMatch(/^WHEN +WHAT +REVISION +WHY +DURATION, ERROR, WHO\n/);
    expect(table.stdout).toMatch(/rotated +\d+ +Requested +\d+ ms/);
    expect(await run("history nobody")).toMatchObject({ code: 2 });
  });
});
