import { randomUUID } from "node:crypto";
import { type IncomingMessage, type ServerResponse, createServer } from "node:http";
import { closeServer, listen } from "./listen.ts";
import { type SigningKeys, verify } from "./sigv4.ts";

interface AwsSecret {
  readonly name: string;
  readonly tags: { Key: string; Value: string }[];
  readonly versions: Map<string, { value: string; createdAt: number; stages: Set<string> }>;
  kmsKeyId?: string;
  changedAt: number;
  deletedAt?: number;
}

type AwsFault = "refuse" | "hang" | "error500" | "throttle" | "deny" | "drop" | "echo";

/** A strict local AWS Secrets Manager: AWS JSON 1.1 over HTTP, SigV4, and the documented limits and idempotency. */
export interface FakeAws extends AsyncDisposable {
  readonly url: string;
  readonly region: string;
  readonly keys: SigningKeys;
  /** The environment in which an SDK signs with these keys. */
  readonly env: Readonly<Record<string, string>>;
  readonly secrets: ReadonlyMap<string, AwsSecret>;
  readonly calls: { operation: string; secret: string; at: number }[];
  value(secret: string): string | undefined;
  /** `drop`: the write happens and its answer is lost. `echo`: the error text quotes the request. */
  fail(fault: AwsFault, only?: { operations?: readonly string[]; secret?: string }): void;
  heal(): void;
  close(): Promise<void>;
}

class Refusal extends Error {
  readonly type: string;
  readonly status: number;
  constructor(type: string, message: string, status = 400) {
    super(message);
    this.type = type;
    this.status = status;
  }
}

const DAY = 86_400_000;
const text = (value: unknown): string | undefined => (typeof value === "string" ? value : undefined);
type Input = Readonly<Record<string, unknown>>;

export async function startAws(
  options: { region?: string; keys?: SigningKeys; now?: () => number; writesPerSecond?: number } = {},
): Promise<FakeAws> {
  const { region = "eu-west-1", now = Date.now } = options;
  const keys = options.keys ?? { accessKeyId: "AKIATEST", secretAccessKey: "aws-secret-key" };
  const secrets = new Map<string, AwsSecret>();
  const calls: FakeAws["calls"] = [];
  const writes: number[] = [];
  let fault: { kind: AwsFault; operations?: readonly string[]; secret?: string } | undefined;

  function find(input: Input): AwsSecret {
    const found = secrets.get(String(input["SecretId"]));
    if (found === undefined)
      throw new Refusal("ResourceNotFoundException", "Secrets Manager can't find the specified secret.");
    return found;
  }
  function usable(input: Input): AwsSecret {
    const found = find(input);
    if (found.deletedAt !== undefined) {
      throw new Refusal(
        "InvalidRequestException",
        "You can't perform this operation on the secret because it was marked for deletion.",
      );
    }
    return found;
  }
  function meter(): void {
    const at = now();
    while (writes.length > 0 && (writes[0] ?? 0) <= at - 1000) writes.shift();
    if (writes.length >= (options.writesPerSecond ?? Infinity))
      throw new Refusal("ThrottlingException", "Rate exceeded");
    writes.push(at);
  }
  function checkValue(input: Input): { token: string; value: string } {
    const token = text(input["ClientRequestToken"]) ?? randomUUID();
    if (token.length < 32 || token.length > 64)
      throw new Refusal("InvalidParameterException", "ClientRequestToken must be 32-64 characters");
    const value = input["SecretString"];
    if (typeof value !== "string" || value === "")
      throw new Refusal("InvalidParameterException", "You must provide SecretString");
    if (Buffer.byteLength(value) > 65_536)
      throw new Refusal("ValidationException", "SecretString longer than 65536 bytes");
    return { token, value };
  }
  /** The stage AWSCURRENT moves to the new version, and AWSPREVIOUS to the version that was current. */
  function addVersion(secret: AwsSecret, token: string, value: string): void {
    const same = secret.versions.get(token);
    if (same !== undefined) {
      if (same.value === value) return;
      throw new Refusal(
        "ResourceExistsException",
        "The operation failed because this version already has another value.",
      );
    }
    const recent = [...secret.versions.values()].filter((v) => v.createdAt > now() - DAY);
    if (recent.length >= 100)
      throw new Refusal("LimitExceededException", "The request failed because it would exceed one of the quotas.");
    for (const version of secret.versions.values()) {
      version.stages.delete("AWSPREVIOUS");
      if (version.stages.delete("AWSCURRENT")) version.stages.add("AWSPREVIOUS");
    }
    secret.versions.set(token, { value, createdAt: now(), stages: new Set(["AWSCURRENT"]) });
    secret.changedAt = now();
  }
  const identity = (secret: AwsSecret): Record<string, unknown> => ({
    ARN: `arn:aws:secretsmanager:${region}:123456789012:secret:${secret.name}-AbCdEf`,
    Name: secret.name,
  });
  const current = (secret: AwsSecret) => [...secret.versions].find(([, v]) => v.stages.has("AWSCURRENT"));
  const stages = (secret: AwsSecret): Record<string, string[]> =>
    Object.fromEntries([...secret.versions].filter(([, v]) => v.stages.size > 0).map(([id, v]) => [id, [...v.stages]]));
  const described = (secret: AwsSecret): Record<string, unknown> => ({
    ...identity(secret),
    Tags: secret.tags,
    LastChangedDate: secret.changedAt / 1000,
    ...(secret.kmsKeyId !== undefined && { KmsKeyId: secret.kmsKeyId }),
    ...(secret.deletedAt !== undefined && { DeletedDate: secret.deletedAt / 1000 }),
  });

  const operations: Readonly<Record<string, (input: Input) => unknown>> = {
    CreateSecret(input) {
      meter();
      const name = String(input["Name"]);
      if (!/^[A-Za-z0-9/_+=.@-]{1,512}$/.test(name)) throw new Refusal("ValidationException", "Invalid name.");
      const { token, value } = checkValue(input);
      const existing = secrets.get(name);
      if (existing !== undefined && existing.versions.get(token)?.value !== value) {
        throw new Refusal("ResourceExistsException", "The operation failed because the secret already exists.");
      }
      const secret: AwsSecret = existing ?? {
        name,
        tags: (input["Tags"] as AwsSecret["tags"] | undefined) ?? [],
        versions: new Map(),
        changedAt: now(),
        ...(typeof input["KmsKeyId"] === "string" && { kmsKeyId: input["KmsKeyId"] }),
      };
      secrets.set(name, secret);
      addVersion(secret, token, value);
      return { ...identity(secret), VersionId: token };
    },
    PutSecretValue(input) {
      meter();
      const secret = usable(input);
      const { token, value } = checkValue(input);
      addVersion(secret, token, value);
      return { ...identity(secret), VersionId: token, VersionStages: ["AWSCURRENT"] };
    },
    GetSecretValue(input) {
      const secret = usable(input);
      const [id, version] = current(secret) ?? [];
      if (version === undefined)
        throw new Refusal("ResourceNotFoundException", "Secrets Manager can't find AWSCURRENT.");
      return {
        ...identity(secret),
        VersionId: id,
        SecretString: version.value,
        VersionStages: [...version.stages],
        CreatedDate: version.createdAt / 1000,
      };
    },
    DescribeSecret(input) {
      const secret = find(input);
      return { ...described(secret), VersionIdsToStages: stages(secret) };
    },
    ListSecrets(input) {
      const size = Number(input["MaxResults"] ?? 100);
      if (!Number.isInteger(size) || size < 1 || size > 100)
        throw new Refusal("InvalidParameterException", "MaxResults must be between 1 and 100");
      if (input["NextToken"] !== undefined && !/^\d+$/.test(text(input["NextToken"]) ?? ""))
        throw new Refusal("InvalidNextTokenException", "The NextToken value is invalid.");
      const from = Number(input["NextToken"] ?? 0);
      const all = [...secrets.values()].filter((secret) => secret.deletedAt === undefined);
      const page = all
        .slice(from, from + size)
        .map((secret) => ({ ...described(secret), SecretVersionsToStages: stages(secret) }));
      return { SecretList: page, ...(from + size < all.length && { NextToken: String(from + size) }) };
    },
    DeleteSecret(input) {
      const secret = usable(input);
      secret.deletedAt = now() + Number(input["RecoveryWindowInDays"] ?? 30) * DAY;
      return { ...identity(secret), DeletionDate: secret.deletedAt / 1000 };
    },
    RestoreSecret(input) {
      const secret = find(input);
      delete secret.deletedAt;
      return identity(secret);
    },
  };

  function faultFor(operation: string, secret: string): AwsFault | undefined {
    if (fault === undefined || (fault.operations && !fault.operations.includes(operation))) return undefined;
    return fault.secret === undefined || fault.secret === secret ? fault.kind : undefined;
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Uint8Array[] = [];
    for await (const chunk of request as AsyncIterable<Uint8Array>) chunks.push(chunk);
    const body = Buffer.concat(chunks).toString("utf8");
    const operation = String(request.headers["x-amz-target"] ?? "").replace(/^secretsmanager\./, "");
    const input = JSON.parse(body || "{}") as Input;
    const secret = text(input["SecretId"]) ?? text(input["Name"]) ?? "";
    calls.push({ operation, secret, at: now() });
    const kind = faultFor(operation, secret);
    if (kind === "hang") return;
    if (kind === "refuse") {
      request.socket.destroy();
      return;
    }
    try {
      const verdict = verify({ headers: request.headers, body }, { region, keys, now: now() });
      if (verdict !== "ok")
        throw new Refusal(verdict, "The security token or signature included in the request is invalid.");
      if (request.headers["content-type"] !== "application/x-amz-json-1.1")
        throw new Refusal("SerializationException", "content type");
      if (kind === "error500") throw new Refusal("InternalServiceError", `An error occurred: ${body}`, 500);
      if (kind === "throttle") throw new Refusal("ThrottlingException", "Rate exceeded");
      if (kind === "deny")
        throw new Refusal("AccessDeniedException", `User is not authorized to perform ${operation}: ${body}`);
      if (kind === "echo")
        throw new Refusal("InvalidParameterException", `Bad request ${body} ${JSON.stringify(request.headers)}`);
      const run = operations[operation];
      if (run === undefined) throw new Refusal("UnknownOperationException", "unknown operation");
      const output = JSON.stringify(run(input));
      if (kind === "drop") {
        request.socket.destroy();
        return;
      }
      reply(response, 200, output);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      reply(response, error.status, JSON.stringify({ __type: error.type, Message: error.message }));
    }
  }

  const server = createServer((request, response) => {
    serve(request, response).catch(() => request.socket.destroy());
  });
  const port = await listen(server);
  const close = (): Promise<void> => closeServer(server);
  return {
    url: `http://127.0.0.1:${port}`,
    region,
    keys,
    env: {
      AWS_ACCESS_KEY_ID: keys.accessKeyId,
      AWS_SECRET_ACCESS_KEY: keys.secretAccessKey,
      ...(keys.sessionToken !== undefined && { AWS_SESSION_TOKEN: keys.sessionToken }),
    },
    secrets,
    calls,
    value: (name) => {
      const secret = secrets.get(name);
      return secret && current(secret)?.[1].value;
    },
    fail(kind, only = {}) {
      fault = { kind, ...only };
    },
    heal() {
      fault = undefined;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

function reply(response: ServerResponse, status: number, body: string): void {
  response.writeHead(status, { "content-type": "application/x-amz-json-1.1", "x-amzn-requestid": randomUUID() });
  response.end(body);
}
