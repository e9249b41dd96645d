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

/** A value of a secret, and the id that its version gets. */
export interface NewValue {
  readonly secret: string;
  readonly value: string;
  readonly id: string;
}

interface Call {
  readonly operation: string;
  readonly secret: string;
  /** What the command is called with. */
  readonly input: object;
}

/** The calls that a store needs, each with its own deadline, the caller's signal, and errors of ours. */
export function openAwsClient(config: AwsStore) {
  /** The signals of the calls under way, by their input. */
  const signals = new WeakMap<object, AbortSignal>();
  const client = makeClient(config, signals);

  async function run<T>({ operation, secret, input }: Call, signal: AbortSignal, send: () => Promise<T>): Promise<T> {
    try {
      return await runWithin(config.timeoutMs, signal, (own) => {
        signals.set(input, own);
        return send();
      });
    } catch (error) {
      throw awsError(error, operation, secret);
    }
  }

  return {
    describe(secret: string, signal: AbortSignal) {
      const command = new DescribeSecretCommand({ SecretId: secret });
      return run({ operation: "DescribeSecret", secret, input: command.input }, signal, () => client.send(command));
    },
    /** `from`: the token of a page; undefined: the first. */
    list(from: string | undefined, signal: AbortSignal) {
      const command = new ListSecretsCommand({
        MaxResults: LIST_PAGE,
        ...(from !== undefined && { NextToken: from }),
      });
      return run({ operation: "ListSecrets", secret: "*", input: command.input }, signal, () => client.send(command));
    },
    put({ secret, value, id }: NewValue, signal: AbortSignal) {
      const command = new PutSecretValueCommand({ SecretId: secret, SecretString: value, ClientRequestToken: id });
      return run({ operation: "PutSecretValue", secret, input: command.input }, signal, () => client.send(command));
    },
    create({ secret, value, id }: NewValue, signal: AbortSignal) {
      const Tags = Object.entries(config.tags).map(([Key, Value]) => ({ Key, Value }));
      const command = new CreateSecretCommand({
        Name: secret,
        Description: "OAuth access token kept fresh by evertoken",
        SecretString: value,
        ClientRequestToken: id,
        ...(Tags.length > 0 && { Tags }),
        ...(config.kmsKeyId !== undefined && { KmsKeyId: config.kmsKeyId }),
      });
      return run({ operation: "CreateSecret", secret, input: command.input }, signal, () => client.send(command));
    },
    close: () => client.destroy(),
  };
}

/**
 * The SDK's client without the parts that are no use here, which take a quarter of its time. The SDK prepares a call
 * once per kind of command (`cacheMiddleware`), but only for calls without options; so the signal of each call travels
 * beside its input, to the end of the stack. Retries are the scheduler's, with the token sealed in between. One signer
 * serves all calls: it asks for credentials each time.
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
  // The SDK spreads `client.config` three times per call, and V8 spreads an object literal eight times faster than an
  // object built up property by property. So it is replaced by a literal copy.
  Object.assign(client, { config: { ...config } });
  return client;
}
