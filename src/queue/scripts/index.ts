import { beat } from "./beat.ts";
import { backOff, reserve } from "./budget.ts";
import { claim } from "./claim.ts";
import { begin, finish, minted, release, renew } from "./job.ts";
import { advance, coolDown, endCooldown, pause, request, resume } from "./operator.ts";
import { hold, rearm } from "./recovery.ts";
import { configure, register, remove } from "./registration.ts";
import type { Script } from "./script.ts";

/**
 * Everything that is written to Redis by more than one command. Each script is atomic, goes by the clock of Redis, and
 * touches keys of one hash tag.
 *
 * A claim writes a *fence* (hash `fence`: id -> claim) and a *lease* (score of the id in `due` and `running`). A later
 * write must show the fence. When the lease runs out, the id is due again and the next claim takes a new fence.
 */
export const scripts: readonly Script[] = [
  ...[claim, begin, renew, minted, finish, release],
  ...[register, remove, configure],
  ...[request, advance, coolDown, endCooldown, pause, resume],
  ...[rearm, hold],
  ...[reserve, backOff],
  beat,
];
