import { resolve as resolvePath } from "node:path";
import { Secret } from "../../core/credential.ts";
import type { ConfigFile } from "../shape/schema.ts";
import type { Config } from "./config.ts";
import { refOf } from "./credential.ts";

const KEY_PREFIX = "evertoken";

/** One server, sentinels, or a cluster: check/meaning.ts makes sure that exactly one of them is set. */
export function resolveRedis(redis: NonNullable<ConfigFile["redis"]>, base: string): NonNullable<Config["redis"]> {
  const { url, sentinel, cluster, username, password, tls } = redis;
  return {
    keyPrefix: redis.keyPrefix ?? KEY_PREFIX,
    ...(url !== undefined && { url: new Secret(url) }),
    ...(sentinel !== undefined && {
      sentinel: {
        master: sentinel.master,
        nodes: sentinel.nodes,
        ...(sentinel.username !== undefined && { username: sentinel.username }),
        ...(sentinel.password && { password: refOf(sentinel.password, () => base) }),
      },
    }),
    ...(cluster !== undefined && { cluster }),
    ...(username !== undefined && { username }),
    ...(password && { password: refOf(password, () => base) }),
    ...(tls && { tls: tls.caFile === undefined ? {} : { caFile: resolvePath(base, tls.caFile) } }),
  };
}
