import { createSecretKey } from "node:crypto";
import { access, constants } from "node:fs/promises";
import { dirname } from "node:path";
import type { StoreConfig } from "../../../core/credential.ts";
import { PublishError, type PublishErrorClass } from "../../../core/ports/store.ts";
import { openStore } from "../../../publish/open-store.ts";
import { mapConcurrently } from "../../concurrent.ts";
import { type Check, type Subject, failure, ok, runCheck, warning } from "./check.ts";

/** Looked up in a store to which no credential publishes: a store that may be read answers that it does not exist. */
const CANARY = "evertoken-doctor";
/** Nothing is written or unsealed here. */
const NO_KEY = { versionKey: createSecretKey(Buffer.alloc(32)) };
const AT_ONCE = 4;

const FIXES: Readonly<Record<PublishErrorClass, string>> = {
  auth: "give the daemon a cloud identity: IRSA, Pod Identity, Workload Identity, or the SDK's environment variables",
  permanent: "grant what src/publish/README.md lists under Permissions",
  unavailable: "on the machine that runs evertoken: DNS, firewall, proxy, and the endpoint of the store",
  throttled: "ask the cloud for a higher quota, or wait",
  quota: "ask the cloud for a higher quota",
  not_found: "check project, region and location of the store",
  conflict: "run doctor again",
  state: "restore the secret, or complete its deletion",
};

/** Looks up one secret in each store, as the daemon does after Redis was lost: identity, network and rights. */
export async function checkStores({ config, signal }: Subject): Promise<readonly Check[]> {
  const secrets = new Map<string, string>();
  for (const { publish } of config.credentials) {
    for (const { store, secret } of publish) if (!secrets.has(store)) secrets.set(store, secret);
  }
  const checks = await mapConcurrently([...config.stores.values()], AT_ONCE, (store) =>
    runCheck(nameOf(store), signal, async () => [await checkStore(store, secrets.get(store.name), signal)]),
  );
  return checks.flat();
}

function nameOf(store: StoreConfig): string {
  return `store ${store.name}`;
}

async function checkStore(config: StoreConfig, secret: string | undefined, signal: AbortSignal): Promise<Check> {
  const name = nameOf(config);
  if (config.type === "file" && !(await isWritable(config.dir))) {
    return failure(name, `this user may not write in ${config.dir}`, "chown or chmod it");
  }
  const store = await openStore(config, NO_KEY);
  try {
    const held = await store.look(secret ?? CANARY, signal);
    if (held !== undefined) return ok(name, `answers; ${secret} exists`);
    if (secret !== undefined && config.type !== "file" && !config.create) {
      return warning(name, `answers; ${secret} does not exist yet`, "make the secret, or set create: true");
    }
    return ok(name, `answers${secret === undefined ? "" : `; ${secret} will be made`}`);
  } catch (error) {
    if (!(error instanceof PublishError)) throw error;
    return failure(name, error.message, FIXES[error.class]);
  } finally {
    await store.close();
  }
}

/** The folder, or the nearest existing one above it: the daemon makes the rest. */
async function isWritable(dir: string): Promise<boolean> {
  try {
    await access(dir, constants.W_OK | constants.X_OK);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT" || dirname(dir) === dir) return false;
    return isWritable(dirname(dir));
  }
}
