import { createServer } from "node:http";
import type { AuthorizationServer } from "../fakes/authorization-server.ts";
import { closeServer, listen } from "../fakes/listen.ts";

/** An API that asks the authorization servers about the bearer token of every call (RFC 7662): 200 or 401. */
export async function startGuardedApi(
  issuers: readonly AuthorizationServer[],
): Promise<{ readonly url: string } & AsyncDisposable> {
  async function admits(authorization: string | undefined): Promise<boolean> {
    const token = /^Bearer (\S+)$/i.exec(authorization ?? "")?.[1];
    if (token === undefined) return false;
    const found = await Promise.all(issuers.map((issuer) => issuer.introspect(token)));
    return found.some((each) => each !== undefined && each.exp * 1000 > Date.now());
  }
  const server = createServer((request, response) => {
    request.resume();
    admits(request.headers.authorization).then(
      (yes) => response.writeHead(yes ? 200 : 401).end(),
      () => response.writeHead(500).end(),
    );
  });
  return {
    url: `http://127.0.0.1:${await listen(server)}/`,
    [Symbol.asyncDispose]: () => closeServer(server),
  };
}
