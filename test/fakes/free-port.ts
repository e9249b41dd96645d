import { once } from "node:events";
import { createServer } from "node:net";

/**
 * Below the range from which systems take the ports of outgoing connections: one of those could take the port before
 * the server starts. The port of a cluster's bus, 10,000 above, is below that range too.
 */
const PORTS = { from: 10_000, to: 22_000 } as const;

/** A loopback port on which nothing listens. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < 100; tries++) {
    const port = PORTS.from + Math.floor(Math.random() * (PORTS.to - PORTS.from));
    const server = createServer();
    const listening = await new Promise<boolean>((resolve) => {
      server.once("error", () => resolve(false));
      server.listen(port, "127.0.0.1", () => resolve(true));
    });
    if (!listening) continue;
    server.close();
    await once(server, "close");
    return port;
  }
  throw new Error("no free port was found");
}
