import { expect, test } from "vitest";
import { configurationOf } from "../fakes/configuration.ts";
import { makeSite } from "../fakes/daemon.ts";

test("SIGUSR1 opens no inspector, and the daemon goes on", async () => {
  await using site = await makeSite();
  await site.write("secret", "s3cr3t");
  await site.configure(configurationOf("http://127.0.0.1:1/token", ["a"]));
  const daemon = await site.start();
  daemon.signal("SIGUSR1");
  expect((await fetch(`${daemon.url}/livez`)).status).toBe(200);
  daemon.signal("SIGTERM");
  expect(await daemon.exited).toBe(0);
  expect(daemon.stderr).not.toContain("Debugger listening");
}, 180_000);
