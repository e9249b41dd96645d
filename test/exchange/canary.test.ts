import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import type { ExchangeError } from "../../src/core/ports/exchange.ts";
import * as fake from "../fakes/token-endpoint.ts";
import { type Behaviour, type Seen, startTokenEndpoint } from "../fakes/token-endpoint.ts";
import { subject, type Trial } from "./fixture.ts";

const CLIENT_SECRET = "canary-secret-7Qd/+x%";
const ACCESS_TOKEN = "canary-token-9Zk2";

/** The words to look for, in every form in which they are easily read again. */
const canaries = [CLIENT_SECRET, ACCESS_TOKEN].flatMap((word) => [
  word,
  encodeURIComponent(word),
  new URLSearchParams({ x: word }).toString().slice(2),
  Buffer.from(word).toString("base64").replace(/=+$/, ""),
  Buffer.from(word).toString("base64url"),
  // Base64 of `id:secret`, as in the Authorization header.
  Buffer.from(`s6BhdRkqt3:${new URLSearchParams({ x: word }).toString().slice(2)}`).toString("base64"),
]);

/** Everything that a logger, a crash report or a debugger could show of an error. */
function everything(error: ExchangeError): string {
  return [
    inspect(error, { depth: 10, showHidden: true, getters: true }),
    JSON.stringify(error),
    JSON.stringify(error, Object.getOwnPropertyNames(error)),
    String(error),
    error.stack,
    ...Reflect.ownKeys(error).map((key) => String(Reflect.get(error, key))),
  ].join("\n");
}

function echo(seen: Seen): string {
  return `${seen.body} ${seen.headers.authorization} ${CLIENT_SECRET} ${ACCESS_TOKEN}`;
}

const echoing = (answer: (said: string) => Behaviour): Behaviour => {
  return (seen, response, socket) => answer(echo(seen))(seen, response, socket);
};

const answers: Readonly<Record<string, Behaviour>> = {
  "an error code": echoing((said) => fake.json(400, { error: said })),
  "an error description": echoing((said) =>
    fake.json(401, { error: "invalid_client", error_description: said, error_uri: said }),
  ),
  "a vendor's error": echoing((said) => fake.json(403, { error: { code: said, message: said }, errcode: said })),
  "a throttling": echoing((said) => fake.json(429, { error: said }, { "retry-after": said })),
  headers: echoing((said) =>
    fake.text(400, "", { "www-authenticate": `Basic realm="${said}"`, "x-debug": said, date: said }),
  ),
  "a redirect": echoing((said) =>
    fake.redirect(302, `https://${encodeURIComponent("me")}:x@sso.example.net/?${encodeURIComponent(said)}`),
  ),
  "a relative redirect": echoing((said) => fake.redirect(307, `/again?${encodeURIComponent(said)}`)),
  "a web page": echoing((said) => fake.text(200, `<html>${said}</html>`)),
  "a crash page": echoing((said) => fake.text(500, `<pre>${said}</pre>`)),
  prose: echoing((said) => fake.text(200, said)),
  "short malformed JSON": echoing((said) => fake.text(200, `{${said}`)),
  "JSON that breaks off": echoing((said) => fake.text(200, `{"access_token":"${said}`)),
  "a token that may not be used": echoing((said) =>
    fake.token({ token_type: "DPoP", scope: said, access_token: ACCESS_TOKEN }),
  ),
  "a token with a line break": echoing((said) => fake.token({ access_token: `${said}\n` })),
  "a token in the wrong place": fake.json(200, { data: { access_token: ACCESS_TOKEN } }),
  "too large an answer": echoing((said) => fake.text(200, said.repeat(10_000))),
  "what is not HTTP": (seen, _response, socket) => void socket.end(`${echo(seen)}\r\n\r\n`),
  "a malformed header": (seen, _response, socket) =>
    void socket.end(`HTTP/1.1 200 OK\r\n${echo(seen)}\u0000: x\r\n\r\n`),
  "a broken connection": fake.reset,
  "a body that breaks off": fake.resetInBody,
};

const ways: Readonly<Record<string, Trial>> = {
  basic: {},
  raw: { provider: { auth: { method: "client_secret_basic", encoding: "raw" } } },
  post: { provider: { auth: { method: "client_secret_post", encoding: "rfc6749" } } },
};

for (const [way, trial] of Object.entries(ways)) {
  describe(`a provider that echoes the request (${way}) shows nothing of it through our error`, () => {
    test.each(Object.keys(answers))("in %s", async (name) => {
      await using endpoint = await startTokenEndpoint();
      await using client = subject(endpoint.url, { ...trial, secrets: [CLIENT_SECRET] });
      endpoint.otherwise(answers[name] ?? fake.hang);
      const failed = await client.failure();
      expect(endpoint.seen[0]?.body).toContain("grant_type");
      expect(failed).not.toHaveProperty("cause");
      const shown = everything(failed);
      for (const canary of canaries) expect(shown).not.toContain(canary);
      expect(shown).not.toContain("client_secret=");
      expect(shown).not.toContain("grant_type");
    });
  });
}

test("a deadline, an unreachable host and an empty id show nothing either", async () => {
  await using endpoint = await startTokenEndpoint();
  endpoint.otherwise(fake.hang);
  await using slow = subject(endpoint.url, { secrets: [CLIENT_SECRET] });
  await using away = subject("http://127.0.0.1:1/?7Qd", { secrets: [CLIENT_SECRET] });
  await using malformed = subject(endpoint.url, { secrets: [CLIENT_SECRET], credential: { clientId: "" } });
  for (const failed of [
    await slow.failure(AbortSignal.timeout(100)),
    await away.failure(),
    await malformed.failure(),
  ]) {
    for (const word of [...canaries, "7Qd"]) expect(everything(failed)).not.toContain(word);
  }
});

test("a token that was issued is not shown by printing the result", async () => {
  await using endpoint = await startTokenEndpoint();
  endpoint.next(fake.token({ access_token: ACCESS_TOKEN }));
  await using client = subject(endpoint.url, { secrets: [CLIENT_SECRET] });
  const exchanged = await client.exchange();
  expect(exchanged.token.accessToken.reveal()).toBe(ACCESS_TOKEN);
  const shown = [inspect(exchanged, { depth: 10, showHidden: true }), JSON.stringify(exchanged)];
  for (const canary of canaries) expect(shown.join("\n")).not.toContain(canary);
});
