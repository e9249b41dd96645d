import type { Instant } from "../core/credential.ts";
import type { Fleet } from "../fleet/fleet.ts";
import type { RedisLink } from "../queue/redis/link.ts";
import type { Reload } from "./reload.ts";

/**
 * How far this daemon is. `runDaemon` fills it in from top to bottom; the HTTP listener shows it from the first moment
 * on.
 */
export interface Lifecycle {
  phase: "starting" | "ready" | "draining";
  readonly startedAt: Instant;
  redis?: RedisLink;
  fleet?: Fleet;
  reload?: Reload;
}
