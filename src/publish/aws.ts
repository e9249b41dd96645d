import type { KeyObject } from "node:crypto";
import {
  CreateSecretCommand,
  DescribeSecretCommand,
  type DescribeSecretResponse,
  ListSecretsCommand,
  PutSecretValueCommand,
  SecretsManagerClient,
} from "@aws-sdk/client-secrets-manager";
import { UndiciHttpHandler } from "@smithy/undici-http-handler";
import type { AwsStore } from "../credential.ts";
import { awsError } from "./aws-errors.ts";
import { within } from "./deadline.ts";
import { type Held, type Listed, type Pace, PublishError, type SecretVersion, type Store, unpaced } from "./store.ts";
import { atLeast } from "./spacing.ts";
import { Sha256 } from "./sha256.ts";
import { parseVersionId, versionIdOf } from "./version-id.ts";

const MAX_BYTES = 65_536;
type HttpRequest = Parameters<UndiciHttpHandler["handle"]>[0];
/** 100 versions of a secret in 24 hours (userguide/reference_limits) make one every 14.4 minutes. */
const MIN_WRITE_INTERVAL_MS = 15 * 60 * 1000;
const CONNECTIONS = 64;
/** Both are AWS's: a page has at most 100, and 50 calls a second are allowed, of which a fifth is left to others. */
const LIST = { page: 100, apartMs: 25 } as const;

interface Stopping {
  readonly input: object;
}
/** The same command, which now ends with the signal of its call. */
type Stoppable = <C extends Stopping>(command: C) => C;

/**
 * The SDK's client without what is no use here: half of its time. It prepares a call once per kind of command, but only for calls that come
 * without options; so the signal of each travels beside its input, to the end of the stack. Retries are the scheduler's, with the token
 * sealed in between. One signer does for all calls: it asks for credentials each time.
 */
function makeClient({ region, endpoint }: AwsStore) {
  const signals = new WeakMap<object, AbortSignal>();
  const http = new UndiciHttpHandler({ dispatcher: { connections: CONNECTIONS, allowH2: false } });
  const client = new SecretsManagerClient({
    region,
    ...(endpoint !== undefined && { endpoint }),
    requestHandler: http,
    cacheMiddleware: true,
    sha256: Sha256,
    retryStrategy: { retry: (next, args) => next(args) },
  });
  const { middlewareStack, config } = client;
  for (const unused of ["loggerMiddleware", "recursionDetectionMiddleware"]) middlewareStack.remove(unused);
  middlewareStack.add(
    () =>
      ({ input, request }) => {
        const abortSignal = signals.get(input);
        return http.handle(request as HttpRequest, abortSignal && { abortSignal });
      },
    { name: "stoppableMiddleware", step: "deserialize", priority: "low" },
  );
  const { signer: makeSigner } = config;
  let signer: ReturnType<typeof makeSigner> | undefined;
  config.signer = (scheme) => (signer ??= makeSigner(scheme));
  return {
    client,
    stopping<C extends Stopping>(command: C, signal: AbortSignal): C {
      signals.set(command.input, signal);
      return command;
    },
  };
}

/** AWS Secrets Manager. Needs PutSecretValue and DescribeSecret, likes ListSecrets; GetSecretValue never. */
export function openAwsStore(
  config: AwsStore,
  { versionKey, pace = unpaced }: { versionKey: KeyObject; pace?: Pace },
): Store {
  const { client, stopping } = makeClient(config);

  /** One call under its own deadline and the caller's. */
  async function call<T>(
    operation: string,
    secret: string,
    signal: AbortSignal,
    send: (stoppable: Stoppable) => Promise<T>,
  ): Promise<T> {
    try {
      return await within(config.timeoutMs, signal, (own) => send((command) => stopping(command, own)));
    } catch (error) {
      throw awsError(error, operation, secret);
    }
  }

  async function head(secret: string, signal: AbortSignal): Promise<Held | undefined> {
    try {
      const described = await call("DescribeSecret", secret, signal, (stoppable) =>
        client.send(stoppable(new DescribeSecretCommand({ SecretId: secret }))),
      );
      if (described.DeletedDate !== undefined) {
        throw awsError({ name: "InvalidRequestException" }, "DescribeSecret", secret);
      }
      return heldOf(described);
    } catch (error) {
      if (error instanceof PublishError && error.class === "not_found") return undefined;
      throw error;
    }
  }

  /** Version ids tell everything, so that a page of a listing says as much as 100 calls of DescribeSecret. */
  async function* scan(wanted: ReadonlySet<string>, signal: AbortSignal): AsyncGenerator<readonly Listed[]> {
    let NextToken: string | undefined;
    do {
      const input = { MaxResults: LIST.page, ...(NextToken !== undefined && { NextToken }) };
      const page = await atLeast(
        LIST.apartMs,
        call("ListSecrets", "*", signal, (stoppable) => client.send(stoppable(new ListSecretsCommand(input)))),
      );
      yield (page.SecretList ?? []).flatMap(({ Name = "", SecretVersionsToStages, LastChangedDate }) => {
        const stages = SecretVersionsToStages ?? {};
        const held = wanted.has(Name)
          ? heldOf({ VersionIdsToStages: stages, ...(LastChangedDate && { LastChangedDate }) })
          : undefined;
        return held === undefined ? [] : [[Name, held] as const];
      });
      ({ NextToken } = page);
    } while (NextToken !== undefined);
  }

  async function write(version: SecretVersion, id: string, signal: AbortSignal): Promise<void> {
    const { secret } = version;
    const SecretString = version.payload.reveal();
    async function put(): Promise<void> {
      await pace(signal);
      await call("PutSecretValue", secret, signal, (stoppable) =>
        client.send(stoppable(new PutSecretValueCommand({ SecretId: secret, SecretString, ClientRequestToken: id }))),
      );
    }
    try {
      await put();
    } catch (error) {
      if (!(error instanceof PublishError) || error.class !== "not_found" || !config.create) throw error;
      const Tags = Object.entries(config.tags).map(([Key, Value]) => ({ Key, Value }));
      await pace(signal);
      try {
        await call("CreateSecret", secret, signal, (stoppable) =>
          client.send(
            stoppable(
              new CreateSecretCommand({
                Name: secret,
                Description: "OAuth access token kept fresh by evertoken",
                SecretString,
                ClientRequestToken: id,
                ...(Tags.length > 0 && { Tags }),
                ...(config.kmsKeyId !== undefined && { KmsKeyId: config.kmsKeyId }),
              }),
            ),
          ),
        );
      } catch (created) {
        // Somebody else made it in between: it takes values now.
        if (!(created instanceof PublishError) || created.class !== "conflict") throw created;
        await put();
      }
    }
  }

  return {
    maxBytes: MAX_BYTES,
    minWriteIntervalMs: MIN_WRITE_INTERVAL_MS,
    head,
    scan,
    async publish(version, known, signal) {
      const bytes = Buffer.byteLength(version.payload.reveal());
      if (bytes > MAX_BYTES) throw tooLarge(version.secret, bytes);
      const id = versionIdOf(version, versionKey);
      if (known === undefined) {
        const held = await head(version.secret, signal);
        if (held !== undefined && held.revision >= version.revision) {
          return { result: held.version === id ? "unchanged" : "superseded", held };
        }
      } else if (known.revision >= version.revision) {
        return { result: "unchanged", held: { ...version, version: id, older: [] } };
      }
      await write(version, id, signal);
      const { revision, issuedAt, expiresAt } = version;
      return { result: "written", held: { revision, issuedAt, expiresAt, version: id, older: [] } };
    },
    async close() {
      client.destroy();
    },
  };
}

function tooLarge(secret: string, bytes: number): PublishError {
  return new PublishError(
    `AWS Secrets Manager: "${secret}" takes at most ${MAX_BYTES} bytes, the payload has ${bytes}; publish fewer fields, or format: token`,
    { class: "permanent", code: "PayloadTooLarge" },
  );
}

/** The version labelled AWSCURRENT; one that evertoken did not write counts as revision 0, to be replaced. */
function heldOf(described: DescribeSecretResponse): Held | undefined {
  const current = Object.entries(described.VersionIdsToStages ?? {}).find(([, stages]) =>
    stages.includes("AWSCURRENT"),
  );
  if (current === undefined) return undefined;
  const [version] = current;
  const ours = parseVersionId(version);
  if (ours === undefined) return { revision: 0, issuedAt: 0, expiresAt: 0, version, older: [] };
  const issuedAt = described.LastChangedDate?.getTime() ?? 0;
  return { ...ours, issuedAt: Math.min(issuedAt, ours.expiresAt), version, older: [] };
}
