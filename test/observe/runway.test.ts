import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { configurationOf } from "../fakes/configuration.ts";
import { type Daemon, type Site, makeSite } from "../fakes/daemon.ts";
import { type TokenEndpoint, json, startTokenEndpoint, token } from "../fakes/token-endpoint.ts";

interface Status {
  readonly providers: readonly { readonly provider: string; readonly runwaySeconds?: number }[];
  readonly stores: readonly { readonly store: string; readonly runwaySeconds?: number }[];
}

describe("a daemon whose tokens live an hour", () => {
  let site: Site;
  let provider: TokenEndpoint;
  let daemon: Daemon;

  beforeAll(async () => {
    site = await makeSite();
    provider = await startTokenEndpoint();
    await site.write("secret", "s3cret");
    provider.otherwise((seen, response, socket) => {
      const refused = seen.headers.authorization === `Basic ${btoa("refused:s3cret")}`;
      (refused ? json(401, { error: "invalid_client" }) : token({ expires_in: 3600 }))(seen, response, socket);
    });
    await site.configure(
      configurationOf(provider.url, ["fresh", "refused"], {
        metrics: { perCredential: "unhealthy" },
        defaults: {},
        stores: { local: { type: "file", dir: "tokens" }, spare: { type: "file", dir: "spare" } },
      }),
    );
    daemon = await site.start();
    await daemon.line((line) => line.event === "rotation.succeeded");
    await daemon.line((line) => line.event === "rotation.failed");
  });
  afterAll(async () => {
    await site[Symbol.asyncDispose]();
    await provider.close();
  });

  async function exposed(): Promise<string> {
    return (await fetch(`${daemon.url}/metrics`)).text();
  }
  const nearlyAnHour = (seconds: number | undefined): void => {
    expect(seconds).toBeGreaterThan(3000);
    expect(seconds).toBeLessThanOrEqual(3600);
  };

  test(
    "shows an hour of runway in its metrics, for the provider and for the store in use",
    { timeout: 120_000 },
    async () => {
      await expect.poll(exposed, { timeout: 90_000 }).toContain('evertoken_store_runway_seconds{store="local"}');
      const text = await exposed();
      for (const series of [
        'evertoken_provider_runway_seconds{provider="p"}',
        'evertoken_store_runway_seconds{store="local"}',
      ]) {
        nearlyAnHour(
          Number(
            text
              .split("\n")
              .find((line) => line.startsWith(series))
              ?.split(" ")[1],
          ),
        );
      }
      expect(text).not.toContain('evertoken_store_runway_seconds{store="spare"}');
    },
  );

  test(
    "has a series for the failing credential and for no other, with metrics.perCredential: unhealthy",
    { timeout: 120_000 },
    async () => {
      await expect.poll(exposed, { timeout: 90_000 }).toContain("evertoken_credential_unhealthy{");
      const own = (await exposed()).split("\n").filter((line) => line.startsWith("evertoken_credential_"));
      expect(own).toEqual(['evertoken_credential_unhealthy{credential="refused",provider="p",reason="config"} 1']);
    },
  );

  test("shows the runway in its status and on the command line", async () => {
    const status = (await (await fetch(`${daemon.url}/api/v1/status`)).json()) as Status;
    nearlyAnHour(status.providers[0]?.runwaySeconds);
    nearlyAnHour(status.stores.find(({ store }) => store === "local")?.runwaySeconds);
    expect(status.stores.find(({ store }) => store === "spare")).not.toHaveProperty("runwaySeconds");
    const { stdout } = await site.run(["status", "-c", site.config]);
    expect(stdout).toMatch(/^PROVIDER .+ RUNWAY$/m);
    expect(stdout).toMatch(/^p .+ (59m \d+s|1h|1h 0m)$/m);
    expect(stdout).toMatch(/^local +file +0 +(59m \d+s|1h)$/m);
    expect(stdout).toMatch(/^spare +file +0 +-$/m);
  });
});
