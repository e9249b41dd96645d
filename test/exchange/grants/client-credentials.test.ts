import { expect, test } from "vitest";
import { startTokenEndpoint } from "../../fakes/token-endpoint.ts";
import { type Trial, subject } from "../fixture.ts";

async function sentForm(trial: Trial): Promise<Record<string, string>> {
  await using endpoint = await startTokenEndpoint();
  await using client = subject(endpoint.url, trial);
  await client.exchange();
  return Object.fromEntries(new URLSearchParams(endpoint.seen[0]?.body));
}

test("client credentials ask for nothing but the configured scope (RFC 6749 section 4.4.2)", async () => {
  expect(await sentForm({})).toEqual({ grant_type: "client_credentials" });
  expect(await sentForm({ credential: { scope: "account:1234 read" } })).toEqual({
    grant_type: "client_credentials",
    scope: "account:1234 read",
  });
});
