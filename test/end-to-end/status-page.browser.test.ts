import { mkdir, rm, writeFile } from "node:fs/promises";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { axe, startBrowser, visit } from "../fakes/browser.ts";
import { configurationOf, configuredCredential } from "../fakes/configuration.ts";
import { type Daemon, type Site, makeSite } from "../fakes/daemon.ts";
import { type TestRedis, startRedis } from "../fakes/redis.ts";
import { type TokenEndpoint, startTokenEndpoint, token } from "../fakes/token-endpoint.ts";

/** The name of a secret that a store accepts and that a careless page would run as markup. */
const EVIL = `<img src=x onerror="document.title='owned'">`;
const PATIENCE = { timeout: 60_000 };

let browser: Browser;
let redis: TestRedis;
let provider: TokenEndpoint;
let site: Site;
let daemon: Daemon;

/** A fleet with healthy credentials, one without a client secret, and one whose store cannot write. */
beforeAll(async () => {
  [browser, redis, provider, site] = await Promise.all([
    startBrowser(),
    startRedis({ port: true }),
    startTokenEndpoint(),
    makeSite(),
  ]);
  provider.otherwise(token({ expires_in: "3600" }));
  await writeFile(site.path("secret"), "s3cret", { mode: 0o600 });
  const credential = (id: string, over: object = {}): object =>
    configuredCredential(id, { provider: "cyclr", ...over });
  await site.configure(
    configurationOf(provider.url, [], {
      redis: { url: redis.url },
      statusPage: true,
      providers: {
        cyclr: { tokenEndpoint: provider.url },
        hubspot: { tokenEndpoint: provider.url },
      },
      credentials: [
        ...["acme", "globex", "initech"].map((id) => credential(id)),
        credential("unreadable", { provider: "hubspot", clientSecret: { file: "missing" } }),
        credential("blocked", { publish: [{ store: "local", secret: EVIL }] }),
      ],
    }),
  );
  await mkdir(site.path(`tokens/${EVIL}`), { recursive: true });
  daemon = await site.start();
  await daemon.line((line) => line.event === "rotation.failed");
  await daemon.line((line) => line.event === "rotation.unpublished");
  await daemon.line((line) => line.credential === "initech");
}, 120_000);
afterAll(async () => {
  await browser.close();
  await site[Symbol.asyncDispose]();
  await provider.close();
  await redis.stop();
});

describe("the status page in a browser", () => {
  test.each([
    ["light", 1440],
    ["dark", 1440],
    ["light", 320],
    ["dark", 320],
  ] as const)("is accessible: %s, %i px wide", async (colorScheme, width) => {
    await using visited = await visit(browser, daemon.url, { colorScheme, viewport: { width, height: 800 } });
    await visited.page.locator("summary").click();
    expect(await axe(visited.page)).toEqual([]);
  });

  test.each([320, 768, 1440])("never scrolls sideways, %i px wide", async (width) => {
    await using visited = await visit(browser, daemon.url, { viewport: { width, height: 800 } });
    expect(await visited.page.evaluate("document.documentElement.scrollWidth")).toBe(width);
  });

  test("keeps its content policy, runs nothing foreign, and shows a name that is markup as text", async () => {
    await using visited = await visit(browser, daemon.url);
    const { page, complaints } = visited;
    await page.getByText(EVIL).first().waitFor(PATIENCE);
    expect(await page.locator("main img").count()).toBe(0);
    expect(await page.title()).toMatch(/evertoken$/);
    expect(complaints).toEqual([]);
  });

  test("works by keyboard: Tab reaches every control in order, and each shows its focus", async () => {
    await using visited = await visit(browser, daemon.url);
    const { page } = visited;
    const controls = await page.locator("a, button:visible, summary, [tabindex='0']").count();
    const reached: string[] = [];
    for (let i = 0; i < controls; i++) {
      await page.keyboard.press("Tab");
      const focused = page.locator(":focus");
      const name = (await focused.getAttribute("aria-label")) ?? (await focused.textContent()) ?? "";
      await page.locator(":focus-visible").waitFor();
      const outline = await page.evaluate("getComputedStyle(document.activeElement).outlineStyle");
      expect([name, outline]).toEqual([name, "solid"]);
      reached.push(name);
    }
    expect(reached).toEqual(
      expect.arrayContaining(["Skip to the content", "Pause updates", "Refresh", "Copy unreadable", "The figures"]),
    );
    expect(new Set(reached).size).toBe(controls);
  });

  test("has targets of at least 24 px", async () => {
    await using visited = await visit(browser, daemon.url, { viewport: { width: 320, height: 800 } });
    const sizes = await visited.page
      .locator("header a, button:visible, summary")
      .evaluateAll((all) =>
        all.map((each) => each.getBoundingClientRect()).map(({ width, height }) => [width, height]),
      );
    expect(Math.min(...sizes.flat())).toBeGreaterThanOrEqual(24);
  });

  test("shows everything without JavaScript, but for the controls that need it", async () => {
    await using visited = await visit(browser, daemon.url, { javaScriptEnabled: false });
    const { page } = visited;
    await page.getByText("need attention").first().waitFor(PATIENCE);
    await page.getByText("evertoken rotate unreadable").waitFor(PATIENCE);
    expect(await page.locator("button:visible").count()).toBe(0);
    await page.getByRole("link", { name: "Refresh" }).click();
    await page.getByText("evertoken rotate unreadable").waitFor(PATIENCE);
  });

  test("shows a new event without a new load, and leaves the focus where it is", async () => {
    await using visited = await visit(browser, daemon.url);
    const { page, complaints } = visited;
    await page.evaluate("globalThis.sameDocument = true");
    await page.getByRole("button", { name: "Copy unreadable" }).focus();
    const rows = page.locator(".events tr", { hasText: "token rotated" }).filter({ hasText: "globex" });
    const before = await rows.count();
    expect(await site.run(["rotate", "globex", "--config", site.config])).toMatchObject({ code: 0 });
    await rows.nth(before).waitFor(PATIENCE);
    expect(await page.evaluate("globalThis.sameDocument")).toBe(true);
    expect(await page.evaluate("document.activeElement.ariaLabel")).toBe("Copy unreadable");
    expect(complaints).toEqual([]);
  });

  test("can be paused, and is paused from the start for people who want no motion", async () => {
    await using visited = await visit(browser, daemon.url, { reducedMotion: "reduce" });
    const { page } = visited;
    const requested: string[] = [];
    page.on("request", (request) => requested.push(request.url()));
    await page.clock.install();
    await page.reload();
    requested.length = 0;
    await page.getByRole("button", { name: "Resume updates" }).waitFor(PATIENCE);
    await page.clock.runFor(60_000);
    expect(requested).toEqual([]);
    await page.getByRole("button", { name: "Resume updates" }).click();
    const next = page.waitForRequest(`${daemon.url}/`, PATIENCE);
    await page.clock.runFor(5000);
    await next;
    await page.getByRole("button", { name: "Pause updates" }).click();
    await page.getByRole("button", { name: "Resume updates" }).waitFor(PATIENCE);
  });

  test("copies a command", async () => {
    await using visited = await visit(browser, daemon.url, { permissions: ["clipboard-read", "clipboard-write"] });
    const { page } = visited;
    const button = page.getByRole("button", { name: "Copy unreadable" });
    await button.click();
    await page.getByText("Copied").waitFor(PATIENCE);
    const copied = "evertoken rotate unreadable";
    expect(await page.evaluate("navigator.clipboard.readText()")).toBe(copied);
    await page.getByRole("heading", { name: "Needs attention" }).click();
    await page.getByRole("button", { name: "Pause updates" }).click();
    expect(await page.evaluate("navigator.clipboard.readText()")).toBe(copied);
  });

  test("announces its verdict, politely, and nothing else", async () => {
    await using visited = await visit(browser, daemon.url);
    const live = visited.page.locator("[role=status], [role=alert], [aria-live]");
    expect(await live.evaluateAll((all) => all.map(({ id }) => id))).toEqual(["lost", "say"]);
  });
});

test("an open page shows that Redis is away, that it is back, and that its replica does not answer", async () => {
  await using visited = await visit(browser, daemon.url);
  const { page } = visited;
  await redis.kill();
  await page.getByText("Redis is not reachable.").waitFor(PATIENCE);
  expect(await axe(page)).toEqual([]);
  await redis.restart();
  await page.getByText("Redis is not reachable.").waitFor({ state: "detached", ...PATIENCE });
  await rm(site.path(`tokens/${EVIL}`), { recursive: true });
  daemon.signal("SIGTERM");
  expect(await daemon.exited).toBe(0);
  await page.getByText("This replica does not answer").waitFor(PATIENCE);
});
