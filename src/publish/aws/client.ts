import {
  CreateSecretCommand,
  DescribeSecretCommand,
  ListSecretsCommand,
  PutSecretValueCommand,
  SecretsManagerClient,
} from "@aws-sdk/client-secrets-manager";
import { UndiciHttpHandler } from "@smithy/undici-http-handler";
import type { AwsStore } from "../../core/credential.ts";
import { awsError } from "./errors.ts";
import { runWithin } from "../deadline.ts";
import { Sha256 } from "./sha256.ts";

const CONNECTIONS = 64;
/** The most that a page of ListSecrets may have. */
const LIST_PAGE = 100;

type HttpRequest = Parameters<UndiciHttpHandler["handle"]>[0];

/** The calls that a store needs, each with its own deadline, the caller's signal, and errors of ours. */
export function openAwsClient(config: AwsStore) {
  /** Of the calls under way, by their input. */
  const signals = new WeakMap<object, AbortSignal>();
  const client = makeClient(config, signals);

  async function call<T>(
    [operation, secret]: readonly [operation: string, secret: string],
    signal: AbortSignal,
    command: { readonly input: object },
    send: () => Promise<T>,
  ): Promise<T> {
    try {
      return await runWithin(config.timeoutMs, signal, (own) => {
        signals.set(command.input, own);
        return send();
      });
    } catch (error) {
      throw awsError(error, operation, secret);
    }
  }

  return {
    describe(secret: string, signal: AbortSignal) {
      const command = new DescribeSecretCommand({ SecretId: secret });
      return call(["DescribeSecret", secret], signal, command, () => client.send(command));
    },
    /** `from`: the token of a page; undefined: the first. */
    list(from: string | undefined, signal: AbortSignal) {
      const command = new ListSecretsCommand({
        MaxResults: LIST_PAGE,
        ...(from !== undefined && { NextToken: from }),
      });
      return call(["ListSecrets", "*"], signal, command, () => client.send(command));
    },
    put(secret: string, value: string, id: string, signal: AbortSignal) {
      const command = new PutSecretValueCommand({ SecretId: secret, SecretString: value, ClientRequestToken: id });
      return call(["PutSecretValue", secret], signal, command, () => client.send(command));
    },
    create(secret: string, value: string, id: string, signal: AbortSignal) {
      const Tags = Object.entries(config.tags).map(([Key, Value]) => ({ Key, Value }));
      const command = new CreateSecretCommand({
        Name: secret,
        Description: "OAuth access token kept fresh by evertoken",
        SecretString: value,
        ClientRequestToken: id,
        ...(Tags.length > 0 && { Tags }),
        ...(config.kmsKeyId !== undefined && { KmsKeyId: config.kmsKeyId }),
      });
      return call(["CreateSecret", secret], signal, command, () => client.send(command));
    },
    close: () => client.destroy(),
  };
}

/**
 * The SDK's client without what is no use here, a quarter of its time. It prepares a call once per kind of command, but only for calls that
 * come without options (`cacheMiddleware`); so the signal of each travels beside its input, to the end of the stack. Retries are the
 * scheduler's, with the token sealed in between. One signer does for all calls: it asks for credentials each time.
 */
function makeClient({ region, endpoint }: AwsStore, signals: WeakMap<object, AbortSignal>): SecretsManagerClient {
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
  // Each call copies it three times, and V8 copies what was put together piece by piece eight times as slowly as what was made at once.
  Object.assign(client, { config: { ...config } });
  return client;
}
