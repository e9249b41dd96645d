import { type Socket, connect, createServer } from "node:net";
import { listen } from "./listen.ts";

/** The name of a Redis: leads new connections to the server that has it now. Open ones stay where they are. */
export interface RedisName extends AsyncDisposable {
  readonly url: string;
  moveTo(port: number): void;
}

export async function startRedisName(port: number): Promise<RedisName> {
  let target = port;
  const open = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(target, "127.0.0.1");
    for (const socket of [near, far]) {
      open.add(socket);
      socket.on("error", () => undefined);
      socket.on("close", () => [near, far].forEach((each) => each.destroy()));
    }
    near.pipe(far).pipe(near);
  });
  const ownPort = await listen(server);
  return {
    url: `redis://127.0.0.1:${ownPort}`,
    moveTo: (next) => (target = next),
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
