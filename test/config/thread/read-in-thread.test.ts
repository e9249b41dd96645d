import { describe, expect, test } from "vitest";
import { parseConfig } from "../../../src/config/parse.ts";
import { checkOpened } from "../../../src/config/check/documents.ts";
import { openFiles } from "../../../src/config/read/open.ts";
import { credential } from "../../fakes/world.ts";
import { makePacker, makeUnpacker } from "../../../src/config/thread/pack.ts";
import { HEAD, makeFolder } from "../folder.ts";

const COUNT = 5000;
const MAIN = `${HEAD}redis: { url: "redis://:c4n4ry@redis", password: { env: P } }
sealKey: { env: K }
templates:
  t:
    provider: p
    clientId: "c-{id}"
    clientSecret: [{ file: "{id}" }, { env: X }]
    labels: { env: prod }
    publish: [{ store: local, secret: "{id}" }]
include: accounts.ndjson
`;

function lineOf(i: number): string {
  const more =
    i % 3 === 0
      ? { scope: `account:${i}`, rotateAt: "50%" }
      : { labels: { n: i % 2 }, params: { audience: "x", list: ["a", "b"] } };
  const publish =
    i % 5 === 0
      ? [
          { store: "aws", secret: `a/${i}` },
          { store: "gcp", secret: `a-${i}`, template: "{access_token}" },
        ]
      : undefined;
  return JSON.stringify({ id: `account-${i}`, template: "t", ...more, ...(publish && { publish }) });
}
const lines = Array.from({ length: COUNT }, (_, i) => lineOf(i)).join("\n");

describe("a configuration that is read in a thread", () => {
  test("is the same as one that is read without", async () => {
    using folder = makeFolder({ "c.yaml": MAIN, "accounts.ndjson": lines });
    const inThread = await folder.load();
    const opened = await openFiles(`${folder.dir}/c.yaml`, {});
    const here = opened && checkOpened(opened, {});
    expect(inThread.problems).toEqual([]);
    expect(inThread.config?.credentials).toEqual(here?.accepted?.slice(0, COUNT));
    expect(inThread.files).toEqual(here?.files);
    expect(inThread.watched).toEqual(here?.watched);
    expect(inThread.config?.redis?.url?.reveal()).toBe("redis://:c4n4ry@redis");
  }, 60_000);

  test("is frozen, and equal values are one object", async () => {
    using folder = makeFolder({ "c.yaml": MAIN, "accounts.ndjson": lines });
    const { credentials } = await folder.accepted();
    for (const each of [
      credentials,
      credentials[0],
      credentials[0]?.publish,
      credentials[0]?.publish[0],
      credentials[1]?.clientSecrets,
      credentials[1]?.params,
      credentials[1]?.params["list"],
    ]) {
      expect(Object.isFrozen(each)).toBe(true);
    }
    expect(new Set(credentials.map(({ policy }) => policy)).size).toBe(2);
    expect(new Set(credentials.map(({ labels }) => labels)).size).toBe(3);
    expect(new Set(credentials.map(({ params }) => params)).size).toBe(2);
  }, 60_000);

  test("has its mistakes reported as precisely", async () => {
    using folder = makeFolder({
      "c.yaml": MAIN,
      "accounts.ndjson": `${lines}\n{ "id": "b", "template": "u" }\n{ "id": "c", "templ`,
    });
    expect(await folder.report()).toEqual([
      `accounts.ndjson:${COUNT + 2}:20 error  the line ends in the middle of its JSON; was the file cut off, ` +
        "or is it still being written?",
    ]);
    folder.write("accounts.ndjson", `${lines}\n{ "id": "b", "template": "u" }\n`);
    expect((await folder.report())[0]).toBe(
      `accounts.ndjson:${COUNT + 1}:26 error  there is no template "u"; configured: t   (did you mean "t"?)`,
    );
  }, 60_000);

  test("takes its variables from the environment that the caller gives", async () => {
    using folder = makeFolder({ "c.yaml": MAIN.replace("accounts.ndjson", "${FILE}"), "accounts.ndjson": lines });
    expect((await folder.accepted({ FILE: "accounts.ndjson" })).credentials).toHaveLength(COUNT);
  }, 60_000);
});

test("client secrets that credentials share are one object, also among thousands of others", () => {
  const of = (id: string, env: string) => credential({ id, clientSecrets: [{ env }] });
  const shared = (i: number): string => (i % 2 === 0 ? "SHARED" : `OWN_${i}`);
  const credentials = Array.from({ length: 5000 }, (_, i) => of(`c${i}`, shared(i)));
  const unpacked = makeUnpacker()(makePacker()(credentials));
  expect(unpacked).toEqual(credentials);
  expect(new Set(unpacked.map(({ clientSecrets }) => clientSecrets)).size).toBe(2501);
  const distinct = Array.from({ length: 3000 }, (_, i) => of(`c${i}`, `OWN_${i}`));
  expect(makeUnpacker()(makePacker()(distinct))).toEqual(distinct);
});

test("chunks of credentials are unpacked in their order, and not without the first", () => {
  const text = `${HEAD}templates:
  t: { provider: p, clientId: x, clientSecret: { env: A }, publish: [{ store: aws, secret: "{id}" }] }
credentials: [{ id: a, template: t }, { id: b, template: t, scope: s }]`;
  const credentials = parseConfig(text, "/c.yaml", {}).config?.credentials ?? [];
  const pack = makePacker();
  const chunks = [pack(credentials.slice(0, 1)), pack(credentials.slice(1))];
  const unpack = makeUnpacker();
  expect(chunks.flatMap(unpack)).toEqual(credentials);
  expect(() => makeUnpacker()(chunks[1] ?? "")).toThrow("a chunk is missing");
});
