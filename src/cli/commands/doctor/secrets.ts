import { stat } from "node:fs/promises";
import { Secret, type SecretRef } from "../../../core/credential.ts";
import { makeSeal } from "../../../secrets/seal.ts";
import { SecretSourceError, readKey, readSecret } from "../../../secrets/source.ts";
import { type Check, type Subject, failure, ok, warning } from "./check.ts";
import { mapConcurrently } from "../../concurrent.ts";

const SHOWN = 3;
const AT_ONCE = 32;

/** Every client secret once, and the password of Redis. */
export async function checkSecrets({ config, io }: Subject): Promise<readonly Check[]> {
  const refs = new Map<string, SecretRef>();
  for (const { clientSecrets } of config.credentials)
    for (const ref of clientSecrets) refs.set(JSON.stringify(ref), ref);
  const password = config.redis?.password;
  if (password !== undefined) refs.set(JSON.stringify(password), password);
  const messages = await mapConcurrently([...refs.values()], AT_ONCE, (ref) =>
    mistakeOf(() => readSecret(ref, io.env)),
  );
  const bad = messages.filter((message) => message !== undefined);
  if (bad.length === 0) return [ok("client secrets", `${refs.size} read`)];
  return [
    failure(
      "client secrets",
      `${bad.length} of ${refs.size} cannot be read: ${listSome(bad)}`,
      "mount or write the missing secrets; a credential without its secret is not rotated",
    ),
  ];
}

export async function checkSealKey({ config, io }: Subject): Promise<readonly Check[]> {
  const name = "seal key";
  const [first, ...older] = config.sealKey ?? [];
  if (first === undefined) {
    if (config.redis === undefined) return [ok(name, "made in dataDir by the daemon")];
    return [
      warning(
        name,
        "none: a token that waits for a store cannot be kept, so it is obtained again",
        "openssl rand -base64 32 > seal-key, and sealKey: { file: seal-key }",
      ),
    ];
  }
  const message = await mistakeOf(async () => {
    const keys = await Promise.all(older.map((ref) => readKey(ref, io.env)));
    const seal = makeSeal([await readKey(first, io.env), ...keys]);
    const token = { accessToken: new Secret("probe"), tokenType: "", issuedAt: 0, expiresAt: 0, fields: {} };
    seal.unseal(seal.seal(token, name), name);
  });
  return [
    message === undefined ? ok(name, "seals and unseals") : failure(name, message, "give all replicas the same key"),
  ];
}

/**
 * The mode of every file that holds a secret. Group bits are allowed: Kubernetes gives files to a user through them.
 */
export async function checkModes({ config }: Subject): Promise<readonly Check[]> {
  const files = new Set<string>();
  for (const ref of [
    ...config.credentials.flatMap((c) => c.clientSecrets),
    ...(config.sealKey ?? []),
    config.redis?.password,
  ]) {
    if (ref !== undefined && "file" in ref) files.add(ref.file);
  }
  const paths = config.redis === undefined ? [...files, config.dataDir] : [...files];
  const modes = await mapConcurrently(paths, AT_ONCE, async (path) => ({ path, mode: await modeOf(path) }));
  const openTo = (bits: number): string[] =>
    modes.filter(({ mode }) => mode !== undefined && (mode & bits) !== 0).map(({ path }) => path);
  const name = "file permissions";
  const writable = openTo(0o002);
  if (writable.length > 0) return [failure(name, `everyone may write ${listSome(writable)}`, "chmod o-rwx")];
  const readable = openTo(0o004);
  const { length: existing } = modes.filter(({ mode }) => mode !== undefined);
  if (readable.length === 0) return [ok(name, `${existing} secrets and folders are closed to other users`)];
  return [
    warning(
      name,
      `everyone on this machine may read ${listSome(readable)}`,
      "chmod 600; in Kubernetes: defaultMode: 0440 for the volume",
    ),
  ];
}

async function modeOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).mode;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    return undefined; // the other checks report what is missing
  }
}

/** The message of what the work throws; undefined if it succeeds. */
async function mistakeOf(work: () => Promise<unknown>): Promise<string | undefined> {
  try {
    await work();
    return undefined;
  } catch (error) {
    if (error instanceof SecretSourceError) return error.message;
    throw error;
  }
}

function listSome(all: readonly string[]): string {
  const more = all.length - SHOWN;
  return `${all.slice(0, SHOWN).join("; ")}${more > 0 ? `; and ${more} more` : ""}`;
}
