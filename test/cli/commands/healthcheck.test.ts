import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { listenOf } from "../../../src/config/listen.ts";
import { configurationOf } from "../../fakes/configuration.ts";
import { type Daemon, type Site, makeSite } from "../../fakes/daemon.ts";
import { freePort } from "../../fakes/free-port.ts";

describe("the health check", () => {
  let site: Site;
  let daemon: Daemon;
  let port: number;
  beforeAll(async () => {
    site = await makeSite();
    port = await freePort();
    await site.write("secret", "s3cret");
    await site.configure(configurationOf("http://127.0.0.1:9/token", ["acme"], { http: { listen: `:${port}` } }));
    daemon = await site.start();
  });
  afterAll(() => site[Symbol.asyncDispose]());

  test("asks the address in the configuration, or loopback for all addresses: exit code 0 and one line", async () => {
    expect(await site.run(["healthcheck"], { EVERTOKEN_CONFIG: site.config })).toEqual({
      code: 0,
      stdout: `http://127.0.0.1:${port}/readyz: ok\n`,
      stderr: "",
    });
    expect(await site.run(["healthcheck", "--live", "-c", site.config])).toMatchObject({
      code: 0,
      stdout: `http://127.0.0.1:${port}/livez: ok\n`,
    });
  });

  test("needs no configuration if the address is given", async () => {
    expect(await site.run(["healthcheck"], { EVERTOKEN_HTTP: `127.0.0.1:${port}` })).toMatchObject({ code: 0 });
    expect(await site.run(["healthcheck", "--listen", `:${port}`], { EVERTOKEN_HTTP: "x" })).toMatchObject({ code: 0 });
  });

  test("says with exit code 3 that no daemon listens", async () => {
    const { code, stdout, stderr } = await site.run(["healthcheck", "--listen", "127.0.0.1:1"]);
    expect({ code, stdout }).toEqual({ code: 3, stdout: "" });
    expect(stderr).toBe("evertoken: http://127.0.0.1:1/readyz: no daemon listens there (ECONNREFUSED)\n");
  });

  test.each([
    [
      "which check failed",
      503,
      "[+]started ok\n[-]redis failed: not connected\ncheck failed\n",
      "redis failed: not connected",
    ],
    ["that another program listens there", 404, "nothing here", "answers 404: is this evertoken?"],
  ])("says with exit code 3 %s", async (_, status, body, said) => {
    const server = createServer((_, response) => response.writeHead(status).end(body)).listen(0, "127.0.0.1");
    try {
      await new Promise((resolve) => server.once("listening", resolve));
      const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
      const { code, stderr } = await site.run(["healthcheck", "--listen", address]);
      expect({ code, stderr }).toEqual({ code: 3, stderr: `evertoken: http://${address}/readyz: ${said}\n` });
    } finally {
      server.close();
    }
  });

  test("waits at most --timeout for a daemon that hangs", async () => {
    const server = createServer(() => undefined).listen(0, "127.0.0.1");
    try {
      await new Promise((resolve) => server.once("listening", resolve));
      const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
      const { code, stderr } = await site.run(["healthcheck", "--listen", address, "--timeout", "100ms"]);
      expect({ code, stderr }).toEqual({
        code: 3,
        stderr: `evertoken: http://${address}/readyz: no answer within 100 ms\n`,
      });
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });

  test.each([
    ["a malformed address", ["--listen", "localhost"], /"localhost" is not an address: give host:port/],
    ["a free port", ["--listen", "127.0.0.1:0"], /picks a free port, which only the daemon knows/],
    ["a malformed timeout", ["--timeout", "soon"], /--timeout wants a duration/],
    ["a missing configuration", ["-c", "/nowhere.yaml"], /there is no such file/],
  ])("refuses %s with exit code 2", async (_, args, hint) => {
    const { code, stdout, stderr } = await site.run(["healthcheck", ...args]);
    expect(stderr).toMatch(hint);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  });

  test("fails once the daemon has ended", async () => {
    daemon.signal("SIGTERM");
    await daemon.exited;
    expect(await site.run(["healthcheck", "-c", site.config])).toMatchObject({ code: 3 });
  });
});

describe("http.listen, read without the rest of the configuration", () => {
  const of = async (text: string, env = {}) => {
    await using site = await makeSite();
    return await listenOf(await site.write("config.yaml", text), env);
  };

  test.each([
    ["a block", "http:\n  listen: 0.0.0.0:1234\nproviders: {}\n"],
    [
      "a block with comments and other keys",
      "# http:\nproviders: {}\nhttp: # here\n  # listen: :1\n\n  other: 1\n" +
        "  listen: '0.0.0.0:1234'   # all\nstores: {}\n",
    ],
    ["a flow map", 'log: {}\nhttp: { listen: "0.0.0.0:1234" }\n'],
    ["JSON", '{"credentials":[],"http":{"listen":"0.0.0.0:1234"}}'],
    ["a variable's default", 'http: { listen: "${LISTEN:-0.0.0.0:1234}" }'],
  ])("is found in %s", async (_, text) => {
    expect(await of(text)).toEqual({ host: "0.0.0.0", port: 1234 });
  });

  test("takes a variable from the environment", async () => {
    expect(await of('http: { listen: "${LISTEN}" }', { LISTEN: ":7" })).toEqual({ host: "", port: 7 });
  });

  test.each([
    ["without an http section", "providers:\n  http:\n    listen: 1:1\n"],
    ["with a section that does not set it", "http:\nproviders: { http: { listen: 1:1 } }\n"],
    ["in JSON without one", "{}"],
  ])("is the default %s", async (_, text) => {
    expect(await of(text)).toEqual({ host: "127.0.0.1", port: 9464 });
  });

  test.each([
    ["an alias", "x: &x { listen: 1:1 }\nhttp: *x\n"],
    ["a merge key", "x: &x { listen: 1:1 }\nhttp:\n  <<: *x\n"],
    ["a merge of the whole file", "<<: &all { http: { listen: 1:1 } }\n"],
    ["YAML in flow style", "{ http: { listen: :1 } }"],
    ["an unset variable", 'http: { listen: "${LISTEN}" }'],
  ])("is left to the full reader for %s", async (_, text) => {
    expect(await of(text)).toBeUndefined();
  });
});
