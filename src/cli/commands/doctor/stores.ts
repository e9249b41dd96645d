import { createSecretKey } from "node:crypto";
import { access, constants } from "node:fs/promises";
import { dirname } from "node:path";
import type { StoreConfig } from "../../../core/credential.ts";
import { openStore } from "../../../publish/open-store.ts";
import { PublishError, type PublishErrorClass } from "../../../core/ports/store.ts";
import { type Check, type Patient, failure, inTime, ok, warning } from "./check.ts";
import { mapConcurrently } from "../../concurrent.ts";

/** Asked for where no credential is published: a store that may be read says that it does not exist. */
const CANARY = "evertoken-doctor";
/** Nothing is written or unsealed here. */
const NO_KEY = { versionKey: createSecretKey(Buffer.alloc(32)) };
const AT_ONCE = 4;

const FIXES: Readonly<Record<PublishErrorClass, string>> = {
  auth: "give the daemon a cloud identity: IRSA, Pod Identity, Workload Identity, or the SDK's environment variables",
  permanent: "grant what src/publish/README.md lists under Permissions",
  unavailable: "from where evertoken runs: DNS, firewall, proxy, and endpoint of the store",
  throttled: "ask the cloud for a higher quota, or wait",
  quota: "ask the cloud for a higher quota",
  not_found: "check project, region and location of the store",
  conflict: "run it again",
  state: "restore the secret, or let it be deleted for good",
};

/** Each store is asked what one secret holds, as the daemon does after Redis was lost: identity, network and rights. */
export async function checkStores({ config, signal }: Patient): Promise<readonly Check[]> {
  const secrets = new Map<string, string>();
  for (const { publish } of config.credentials) {
    for (const { store, secret } of publish) if (!secrets.has(store)) secrets.set(store, secret);
  }
  const checks = await mapConcurrently([...config.stores.values()], AT_ONCE, (store) => {
    const name = `store ${store.name}`;
    return inTime(name, signal, async () => [await ask(name, store, secrets.get(store.name), signal)]);
  });
  return checks.flat();
}

async function ask(name: string, config: StoreConfig, secret: string | undefined, signal: AbortSignal): Promise<Check> {
  if (config.type === "file" && !(await writable(config.dir))) {
    return failure(name, `${config.dir} may not be written by this user`, "chown or chmod it");
  }
  const store = await openStore(config, NO_KEY);
  try {
    const held = await store.look(secret ?? CANARY, signal);
    if (held !== undefined) return ok(name, `answers; ${secret} is there`);
    if (secret !== undefined && config.type !== "file" && !config.create) {
      return warning(name, `answers; ${secret} is not there yet`, "make the secret, or set create: true");
    }
    return ok(name, `answers${secret === undefined ? "" : `; ${secret} will be made`}`);
  } catch (error) {
    if (!(error instanceof PublishError)) throw error;
    return failure(name, error.message, FIXES[error.class]);
  } finally {
    await store.close();
  }
}

/** The folder, or the nearest one above it that is there: the daemon makes the rest. */
async function writable(dir: string): Promise<boolean> {
  try {
    await access(dir, constants.W_OK | constants.X_OK);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT" || dirname(dir) === dir) return false;
    return writable(dirname(dir));
  }
}
