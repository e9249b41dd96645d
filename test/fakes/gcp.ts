import { readFileSync } from "node:fs";
import { Server, ServerCredentials, type ServerUnaryCall, type sendUnaryData, status } from "@grpc/grpc-js";
import { fromJSON } from "@grpc/proto-loader";
import { crc32c } from "../../src/publish/gcp/crc32c.ts";

interface GcpVersion {
  /** Empty once the version is destroyed. */
  data: Buffer;
  state: "ENABLED" | "DISABLED" | "DESTROYED";
}

interface GcpSecret {
  readonly name: string;
  readonly labels: Record<string, string>;
  annotations: Record<string, string>;
  /** Index 0 is version 1. */
  readonly versions: GcpVersion[];
  etag: number;
  readonly replication: unknown;
  readonly aliases: Record<string, number>;
}

/** `drop`: the call succeeds and its answer is lost. `echo`: the error quotes the request. `etag`: a lost race. */
type GcpFault = "refuse" | "hang" | "error500" | "throttle" | "deny" | "drop" | "echo" | "etag";

interface GcpFaultScope {
  readonly methods?: readonly string[];
  /** Short names; absent: all secrets. */
  readonly secrets?: readonly string[];
  /** Heals by itself after this number of calls. */
  readonly times?: number;
}

/**
 * A strict local GCP Secret Manager: gRPC by the descriptors of the official package, and the documented checksums,
 * etags and states.
 */
export interface FakeGcp extends AsyncDisposable {
  /** The value for `endpoint:`: plaintext gRPC, unless started with `tls`. */
  readonly url: string;
  readonly port: number;
  readonly secrets: ReadonlyMap<string, GcpSecret>;
  /** `identity`: whether the call came with a bearer token. */
  readonly calls: { method: string; name: string; identity: boolean }[];
  /** The payload of `latest`, by the short name of the secret. */
  value(secret: string): string | undefined;
  fail(fault: GcpFault, only?: GcpFaultScope): void;
  heal(): void;
  /** While on, `latest` means the version before the newest, as an eventually consistent alias may. */
  lag(on: boolean): void;
  close(): Promise<void>;
}

class Refusal extends Error {
  readonly code: status;
  constructor(code: status, message: string) {
    super(message);
    this.code = code;
  }
}

interface Request {
  readonly name?: string;
  readonly parent?: string;
  readonly secretId?: string;
  readonly secret?: {
    name?: string;
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
    etag?: string;
    replication?: unknown;
  };
  readonly payload?: { data?: Buffer; dataCrc32c?: string | number };
  readonly updateMask?: { paths?: string[] };
  readonly filter?: string;
  readonly pageSize?: number;
  readonly pageToken?: string;
}

const PROTOS = new URL("../../node_modules/@google-cloud/secret-manager/build/protos/protos.json", import.meta.url);
const TLS = new URL("tls/", import.meta.url);
const SERVICE = "google.cloud.secretmanager.v1.SecretManagerService";
const MAX_BYTES = 65_536;

export async function startGcp(
  options: {
    project?: string;
    writesPerMinute?: number;
    now?: () => number;
    /** Serves `https:` with the certificate in test/fakes/tls, and wants a bearer token with every call. */
    tls?: boolean;
  } = {},
): Promise<FakeGcp> {
  const { project = "acme-test", now = Date.now } = options;
  const secrets = new Map<string, GcpSecret>();
  const calls: FakeGcp["calls"] = [];
  const writes: number[] = [];
  let fault: (GcpFaultScope & { kind: GcpFault; left: number }) | undefined;
  let lagging = false;
  const parents = new RegExp(`^projects/${project}(/locations/[a-z0-9-]+)?$`);

  function meter(): void {
    const at = now();
    while (writes.length > 0 && (writes[0] ?? 0) <= at - 60_000) writes.shift();
    if (writes.length >= (options.writesPerMinute ?? Infinity))
      throw new Refusal(status.RESOURCE_EXHAUSTED, "Quota exceeded for write requests");
    writes.push(at);
  }
  function find(name: string | undefined): GcpSecret {
    const found = secrets.get(name ?? "");
    if (found === undefined) throw new Refusal(status.NOT_FOUND, `Secret [${name}] not found or has no versions.`);
    return found;
  }
  /** A version by number, by alias, or by `latest`: the version created last, in whatever state. */
  function locate(name: string | undefined): { secret: GcpSecret; number: number; version: GcpVersion } {
    const [, secretName, id] = /^(.*)\/versions\/([^/]+)$/.exec(name ?? "") ?? [];
    const secret = find(secretName);
    const last = secret.versions.length - (lagging && secret.versions.length > 1 ? 1 : 0);
    const number = id === "latest" ? last : (secret.aliases[id ?? ""] ?? Number(id));
    const version = secret.versions[number - 1];
    if (version === undefined) throw new Refusal(status.NOT_FOUND, `Secret Version [${name}] not found.`);
    return { secret, number, version };
  }
  const shown = (secret: GcpSecret, number: number) => ({
    name: `${secret.name}/versions/${number}`,
    state: secret.versions[number - 1]?.state ?? "DESTROYED",
  });
  const described = ({ name, labels, annotations, etag, replication }: GcpSecret) => ({
    name,
    labels,
    annotations,
    etag: `"${etag}"`,
    replication,
  });
  function change(name: string | undefined, state: GcpVersion["state"]): object {
    meter();
    const { secret, number, version } = locate(name);
    if (version.state === "DESTROYED")
      throw new Refusal(status.FAILED_PRECONDITION, `Secret Version [${name}] is in DESTROYED state.`);
    version.state = state;
    if (state === "DESTROYED") version.data = Buffer.alloc(0);
    return shown(secret, number);
  }

  const methods: Readonly<Record<string, (request: Request) => object>> = {
    CreateSecret({ parent = "", secretId = "", secret }) {
      meter();
      if (!parents.test(parent)) throw new Refusal(status.PERMISSION_DENIED, `Permission denied on ${parent}`);
      if (!/^[A-Za-z0-9_-]{1,255}$/.test(secretId))
        throw new Refusal(status.INVALID_ARGUMENT, `secret id ${secretId} is invalid`);
      const regional = parent.includes("/locations/");
      if (!regional && !secret?.replication)
        throw new Refusal(status.INVALID_ARGUMENT, "Secret.replication is required");
      if (regional && secret?.replication)
        throw new Refusal(status.INVALID_ARGUMENT, "replication is not allowed for regional secrets");
      if (Object.keys(secret?.labels ?? {}).length > 64) throw new Refusal(status.INVALID_ARGUMENT, "too many labels");
      for (const [key, value] of Object.entries(secret?.labels ?? {})) {
        if (!/^[a-z][a-z0-9_-]{0,62}$/.test(key) || !/^[a-z0-9_-]{0,63}$/.test(value))
          throw new Refusal(status.INVALID_ARGUMENT, `label ${key} is invalid`);
      }
      const name = `${parent}/secrets/${secretId}`;
      if (secrets.has(name)) throw new Refusal(status.ALREADY_EXISTS, `Secret [${name}] already exists.`);
      const made: GcpSecret = {
        name,
        labels: secret?.labels ?? {},
        annotations: secret?.annotations ?? {},
        versions: [],
        etag: 1,
        replication: secret?.replication,
        aliases: {},
      };
      secrets.set(name, made);
      return described(made);
    },
    GetSecret: ({ name }) => described(find(name)),
    UpdateSecret({ secret, updateMask }) {
      meter();
      const found = find(secret?.name);
      if (secret?.etag && secret.etag !== `"${found.etag}"`)
        throw new Refusal(status.FAILED_PRECONDITION, "etag mismatch");
      if (updateMask?.paths?.join() !== "annotations") throw new Refusal(status.INVALID_ARGUMENT, "update mask");
      if (JSON.stringify(secret?.annotations ?? {}).length > 16_384)
        throw new Refusal(status.INVALID_ARGUMENT, "annotations are larger than 16 KiB");
      found.annotations = secret?.annotations ?? {};
      found.etag += 1;
      return described(found);
    },
    AddSecretVersion({ parent, payload }) {
      meter();
      const secret = find(parent);
      const data = payload?.data ?? Buffer.alloc(0);
      if (data.length > MAX_BYTES) throw new Refusal(status.INVALID_ARGUMENT, "The payload is larger than 65536 bytes");
      const checked = payload?.dataCrc32c !== undefined && payload.dataCrc32c !== null;
      if (checked && Number(payload?.dataCrc32c) !== crc32c(data))
        throw new Refusal(status.INVALID_ARGUMENT, "checksum mismatch");
      secret.versions.push({ data: Buffer.from(data), state: "ENABLED" });
      return { ...shown(secret, secret.versions.length), clientSpecifiedPayloadChecksum: checked };
    },
    AccessSecretVersion({ name }) {
      const { secret, number, version } = locate(name);
      if (version.state !== "ENABLED")
        throw new Refusal(status.FAILED_PRECONDITION, `Secret Version [${name}] is in ${version.state} state.`);
      return {
        name: `${secret.name}/versions/${number}`,
        payload: { data: version.data, dataCrc32c: crc32c(version.data) },
      };
    },
    GetSecretVersion({ name }) {
      const { secret, number } = locate(name);
      return shown(secret, number);
    },
    ListSecretVersions({ parent, filter, pageSize, pageToken }) {
      const secret = find(parent);
      const state = /^state:(ENABLED|DISABLED|DESTROYED)$/.exec(filter ?? "")?.[1];
      if (filter && state === undefined)
        throw new Refusal(status.INVALID_ARGUMENT, `filter ${filter} is not understood`);
      const all = secret.versions.map((_, i) => shown(secret, i + 1)).toReversed();
      const versions = state === undefined ? all : all.filter((v) => v.state === state);
      const from = Number(pageToken || 0);
      const to = from + (pageSize || 100);
      return {
        versions: versions.slice(from, to),
        nextPageToken: to < versions.length ? String(to) : "",
        totalSize: versions.length,
      };
    },
    DeleteSecret({ name }) {
      meter();
      secrets.delete(find(name).name);
      return {};
    },
    ListSecrets({ parent = "", pageSize = 0, pageToken }) {
      if (pageSize < 0 || pageSize > 25_000) throw new Refusal(status.INVALID_ARGUMENT, "page size is out of range");
      const found = [...secrets.values()].filter(({ name }) => name.startsWith(`${parent}/secrets/`));
      const from = Number(pageToken || 0);
      const to = from + (pageSize || 25_000);
      return {
        secrets: found.slice(from, to).map(described),
        nextPageToken: to < found.length ? String(to) : "",
        totalSize: found.length,
      };
    },
    DisableSecretVersion: ({ name }) => change(name, "DISABLED"),
    EnableSecretVersion: ({ name }) => change(name, "ENABLED"),
    DestroySecretVersion: ({ name }) => change(name, "DESTROYED"),
  };

  const REFUSALS: Partial<Record<GcpFault, status>> = {
    refuse: status.UNAVAILABLE,
    error500: status.INTERNAL,
    throttle: status.RESOURCE_EXHAUSTED,
    deny: status.PERMISSION_DENIED,
    echo: status.INVALID_ARGUMENT,
    etag: status.FAILED_PRECONDITION,
  };
  function faultOf(method: string, name: string): GcpFault | undefined {
    if (fault === undefined || fault.left < 1 || fault.methods?.includes(method) === false) return undefined;
    if (fault.secrets && !fault.secrets.some((secret) => `${name}/`.includes(`/secrets/${secret}/`))) return undefined;
    fault.left -= 1;
    return fault.kind;
  }
  function serve(method: string) {
    return (call: ServerUnaryCall<Request, object>, answer: sendUnaryData<object>): void => {
      const { request } = call;
      const name = request.name || request.parent || request.secret?.name || "";
      const identity = /^Bearer \S+$/.test(String(call.metadata.get("authorization")[0] ?? ""));
      calls.push({ method, name, identity });
      if (options.tls && !identity) {
        answer({ code: status.UNAUTHENTICATED, details: "Request is missing required authentication credential." });
        return;
      }
      const kind = faultOf(method, name);
      if (kind === "hang") return;
      const quote = `${JSON.stringify(request)} ${request.payload?.data?.toString() ?? ""}`;
      const code = kind && REFUSALS[kind];
      if (code !== undefined) {
        answer({ code, details: `${kind}: ${quote}` });
        return;
      }
      try {
        const reply = methods[method]?.(request) ?? {};
        if (kind === "drop") answer({ code: status.UNAVAILABLE, details: "the connection broke" });
        else answer(null, reply);
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        answer({ code: error.code, details: error.message });
      }
    };
  }

  const definition = fromJSON(JSON.parse(readFileSync(PROTOS, "utf8")) as Parameters<typeof fromJSON>[0], {
    enums: String,
    longs: String,
    defaults: false,
  });
  const service = definition[SERVICE] as Parameters<Server["addService"]>[0];
  const server = new Server();
  server.addService(service, Object.fromEntries(Object.keys(methods).map((method) => [method, serve(method)])));
  const serverCredentials = options.tls
    ? ServerCredentials.createSsl(null, [
        {
          cert_chain: readFileSync(new URL("server.pem", TLS)),
          private_key: readFileSync(new URL("server-key.pem", TLS)),
        },
      ])
    : ServerCredentials.createInsecure();
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", serverCredentials, (error, bound) => (error ? reject(error) : resolve(bound)));
  });
  async function close(): Promise<void> {
    server.forceShutdown();
  }
  return {
    url: options.tls ? `https://localhost:${port}` : `http://127.0.0.1:${port}`,
    port,
    secrets,
    calls,
    value(short) {
      const secret = [...secrets.values()].find(({ name }) => name.endsWith(`/secrets/${short}`));
      const latest = secret?.versions.at(-1);
      return latest?.state === "ENABLED" ? latest.data.toString("utf8") : undefined;
    },
    fail(kind, only = {}) {
      fault = { kind, left: only.times ?? Infinity, ...only };
    },
    heal() {
      fault = undefined;
    },
    lag(on) {
      lagging = on;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}
