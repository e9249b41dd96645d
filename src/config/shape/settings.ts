import { duration, secretRef, secretRefsOf, share, text } from "./values.ts";
import { z } from "./zod.ts";

const HOST = /^(\*\.)?[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*$/i;
const HOST_MESSAGE = "a host name without scheme and port is expected, like status.example.com or *.example.com";

const NODE_MESSAGE = "host:port is expected";
const redisNodes = z
  .array(z.string(NODE_MESSAGE).regex(/^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(:\d{1,5})?$/, NODE_MESSAGE))
  .min(1, "at least one node is expected");

/** The schema of the settings of the daemon: everything but providers, stores, templates and credentials. */
export const settings = {
  redis: z
    .strictObject({
      url: text.describe("redis://host:6379 or rediss://host:6379; set exactly one of url, sentinel and cluster"),
      sentinel: z
        .strictObject({
          master: text.describe("Name of the master that the sentinels watch"),
          nodes: redisNodes.describe("host:port of the sentinels"),
          username: text.describe("ACL user of the sentinels"),
          password: secretRef.describe("Password of the sentinels: { file: PATH } or { env: NAME }"),
        })
        .partial()
        .required({ master: true, nodes: true }),
      cluster: z.strictObject({ nodes: redisNodes.describe("host:port of some nodes; these name the others") }),
      username: text.describe("ACL user"),
      password: secretRef,
      tls: z
        .strictObject({
          caFile: text.describe("PEM file of the CA that signed Redis's certificate"),
        })
        .partial(),
      keyPrefix: z
        .string()
        .regex(/^[A-Za-z0-9._-]{1,64}$/, "1 to 64 letters, digits, dots, underscores and hyphens are expected")
        .describe("First part of every key. Default evertoken"),
    })
    .partial()
    .describe("Without it evertoken starts an embedded redis-server in dataDir"),
  dataDir: text.describe("Folder of the embedded Redis and its seal key. Default ./evertoken-data"),
  sealKey: secretRefsOf("seal key").describe(
    "Key (32 bytes, base64 or hex) that seals tokens while they wait for a store; of a list the first seals, all open",
  ),
  allowUnsealed: z
    .boolean()
    .describe("Run on a Redis of your own without a seal key: an outage of a store mints again. Default false"),
  http: z
    .strictObject({
      listen: text.describe(
        "Address of /metrics, /startupz, /livez, /readyz, /api/v1/status and the status page. Default 127.0.0.1:9464",
      ),
      allowedHosts: z
        .array(z.string(HOST_MESSAGE).regex(HOST, HOST_MESSAGE))
        .describe(
          "Host names under which browsers may open / and /api/v1/status, beside localhost and addresses. Default none",
        ),
    })
    .partial(),
  statusPage: z.boolean().describe("Serve a status page for people at / of http.listen. Default false"),
  log: z
    .strictObject({
      level: z.enum(["trace", "debug", "info", "warn", "error", "fatal"]).describe("Default info"),
      format: z
        .enum(["json", "gcp", "pretty"])
        .describe(
          "json: one object per line; gcp: the same with the fields of Cloud Logging; pretty: for people. Default json",
        ),
      successSampling: share.describe("Share of the on-time, undisturbed rotations that are logged. Default 100%"),
    })
    .partial(),
  tracing: z
    .strictObject({
      credentialId: z.boolean().describe("Name the credential in traces too. Default false"),
    })
    .partial()
    .describe("The standard variable OTEL_EXPORTER_OTLP_ENDPOINT switches traces on"),
  metrics: z
    .strictObject({
      perCredential: z
        .enum(["off", "unhealthy", "all"])
        .describe("Which credentials have metric series of their own: none, the failing ones, or all. Default off"),
      maxSeries: z
        .number()
        .int()
        .min(1)
        .max(10_000)
        .describe("Most series of credentials; a credential beyond that gets none. Default 500"),
    })
    .partial(),
  history: z
    .strictObject({
      keep: z
        .int()
        .min(0)
        .max(1000)
        .describe("How many outcomes of each credential Redis keeps; 0 for none. Default 20"),
    })
    .partial(),
  reload: z
    .strictObject({
      watch: z
        .boolean()
        .describe("Apply a changed configuration automatically; SIGHUP applies it in either case. Default true"),
      maxRemoved: share.describe(
        "Largest share of the credentials that one reload may remove; beyond it the reload is refused. Default 20%",
      ),
    })
    .partial(),
  shutdown: z
    .strictObject({
      drainTimeout: duration.describe("How long the process waits after SIGTERM for the work under way. Default 60s"),
    })
    .partial(),
};
