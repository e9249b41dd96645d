import { valueAt } from "../problem.ts";
import { MAX_TARGETS, SHARE, isClearlyValid } from "./fast-path.ts";
import type { JsonSchema } from "./known-keys.ts";
import { type Mistake, mistakeOf } from "./mistakes.ts";
import { settings } from "./settings.ts";
import { store } from "./store.ts";
import { count, duration, id, keyOf, labels, name, type secretRef, secretRefsOf, share, text } from "./values.ts";
import { z } from "./zod.ts";

/** The schema of a configuration file: its keys, their types and descriptions. The meaning is checked in check/. */

const policy = {
  rotateAt: z
    .union([z.string().regex(SHARE, "a share like 75% is expected"), z.number()], {
      error: "a share like 75% is expected",
    })
    .describe(
      "Share of the token's life after which the token is renewed; safety margins may make that earlier. Default 75%",
    ),
  consumerCache: duration.describe("Longest time a consumer keeps a token that it has read. Default 5m"),
  retryBudget: duration.describe("Life kept in reserve for retries. Default 5m"),
  minInterval: duration.describe(
    "Least time from the request for a token to its renewal; retries may come sooner. Default 30s",
  ),
  lifetime: duration.describe("Token life that is assumed when the provider states none. Default 1h"),
  requestTimeout: duration.describe("Deadline of one exchange, retries at the transport included. Default 15s"),
};

const params = z
  .record(
    z.string().min(1, "a parameter needs a name"),
    z.union([z.string(), z.array(z.string())], { error: "a text or a list of texts is expected; put it in quotes" }),
  )
  .describe("Extra request parameters, such as audience or resource; a list sends the parameter several times");

const provider = z
  .strictObject({
    preset: z.enum(["cyclr"]).describe("Built-in settings for a known provider: cyclr"),
    tokenEndpoint: text.describe(
      "Address of the token endpoint (RFC 6749 section 3.2); {id} and {label:NAME} are filled in for each credential",
    ),
    grant: z
      .enum(["client_credentials"], {
        error: ({ input }) =>
          input === "password"
            ? "the password grant is not supported: OAuth 2.0 Security (RFC 9700 section 2.4) forbids it and " +
              "Cyclr ended it in May 2021; use client_credentials"
            : "client_credentials is expected",
      })
      .describe("How a token is obtained. Default client_credentials"),
    auth: z
      .strictObject({
        method: z
          .enum(["client_secret_basic", "client_secret_post"])
          .describe("How the client authenticates itself. Default client_secret_basic"),
        encoding: z
          .enum(["rfc6749", "raw"])
          .describe(
            "raw: for servers that do not decode client id and secret (RFC 6749 section 2.3.1). Default rfc6749",
          ),
      })
      .partial(),
    tls: z
      .strictObject({
        caFile: text.describe("PEM file of the CA that signed the endpoint's certificate"),
      })
      .partial(),
    limits: z
      .strictObject({
        perSecond: z
          .number()
          .positive("more than 0 is expected")
          .describe("Requests per second, over all replicas. Default: no limit"),
        concurrency: z
          .int()
          .min(1, "at least 1 is expected")
          .max(1000, "at most 1000 is expected")
          .describe("Requests under way at once, over all replicas. Default 16"),
        perHour: count.describe("Exchanges in any hour, over all replicas. Default: no limit"),
        perDay: count.describe("Exchanges in any day, over all replicas. Default: no limit"),
        reserve: share.describe(
          "Share of perHour and perDay that is kept for tokens that have expired or soon will. Default 10%",
        ),
      })
      .partial(),
    params,
    publishFields: z.array(text).describe("Members of the provider's answer that are published beside the token"),
    expiresInUnit: z.enum(["s", "ms"]).describe("Unit of expires_in. Default s"),
    responsePath: z
      .union([text, z.array(text)], { error: "a path like data.token, or a list of its steps, is expected" })
      .describe("Path to the object that holds access_token, where the answer nests it: data.token"),
    allowInsecure: z.boolean().describe("Allow plain http beyond this machine. Default false"),
    ...policy,
  })
  .partial()
  .required({ tokenEndpoint: true });

const target = z
  .strictObject({
    store: name.describe("Name of a store"),
    secret: text.describe("Name of the secret in that store"),
    format: z
      .enum(["json", "token", "template"])
      .describe("json: a flat object; token: the bare token; template: the text in template. Default json"),
    template: text.describe("With format template: text with {access_token}, {expires_at}, ..."),
  })
  .partial()
  .required({ store: true, secret: true });

/** Keys that a credential sets itself or takes from its template. */
const inherited = {
  template: name.describe("Name of the template that supplies every key not set here"),
  provider: name.describe("Name of a provider"),
  clientId: z.union([text, z.number()], { error: "a text or a number is expected" }).describe("OAuth client id"),
  clientSecret: secretRefsOf("client secret").describe(
    "Where the client secret is read from; while the client is refused, the next one of a list is tried",
  ),
  scope: text.describe("OAuth scope, such as account:1234"),
  params,
  labels,
  publish: z
    .array(target)
    .min(1, "at least one target is expected")
    .max(MAX_TARGETS, `at most ${MAX_TARGETS} targets are expected`)
    .describe("Where the token is published"),
  ...policy,
};

const template = z.strictObject(inherited).partial();

const credential = z
  .strictObject({ id: id.describe("Name of the credential; 1 to 128 letters, digits, . _ -"), ...inherited })
  .partial()
  .required({ id: true });

const include = z
  .union([text, z.array(text)], {
    error: "a pattern like accounts/*.yaml, or a list of them, is expected",
  })
  .describe("Files with more credentials: patterns of YAML, JSON or NDJSON files, or a folder of them");

export const ConfigFile = z
  .strictObject({
    ...settings,
    defaults: z
      .strictObject(policy)
      .partial()
      .describe("Policy of all credentials; a provider, a template or a credential may override it"),
    providers: z.record(keyOf("provider"), provider),
    stores: z.record(keyOf("store"), store),
    templates: z.record(keyOf("template"), template).describe("Settings that credentials have in common"),
    include,
    credentials: z.array(credential),
  })
  .partial()
  .required({ providers: true, stores: true });

export type ConfigFile = z.infer<typeof ConfigFile>;
export type ProviderFile = z.infer<typeof provider>;
export type StoreFile = z.infer<typeof store>;
export type TemplateFile = z.infer<typeof template>;
/** A credential as the file has it, without the keys of its template. */
export type EntryFile = z.infer<typeof credential>;
type Needed = "provider" | "clientId" | "clientSecret" | "publish";
/** A credential with the keys of its template. */
export type CredentialFile = EntryFile & { [K in Needed]: NonNullable<EntryFile[K]> } & {
  /** Set where the endpoint of the provider has placeholders. */
  readonly tokenEndpoint?: string;
};
export type PolicyFile = Partial<Pick<EntryFile, keyof typeof policy>>;
export type SecretRefFile = z.infer<typeof secretRef>;

/** `file` is absent when there are mistakes. */
export function checkShape(value: unknown): { file?: ConfigFile; mistakes: readonly Mistake[] } {
  const valid = clearlyValidCredentials(value);
  const result = ConfigFile.safeParse(valid === undefined ? value : { ...(value as object), credentials: [] });
  if (result.success) {
    return { file: valid === undefined ? result.data : { ...result.data, credentials: valid }, mistakes: [] };
  }
  const isMissing = (path: Mistake["path"]): boolean => valueAt(value, path) === undefined;
  return { mistakes: result.error.issues.map((issue) => mistakeOf(issue, isMissing)) };
}

/** Undefined when the schema has to check the credentials. */
function clearlyValidCredentials(value: unknown): EntryFile[] | undefined {
  const { credentials } = (value ?? {}) as { credentials?: unknown };
  return Array.isArray(credentials) && credentials.every(isClearlyValid) ? (credentials as EntryFile[]) : undefined;
}

/** Draft-07: yaml-language-server reads no newer one. */
export function jsonSchema(): JsonSchema {
  return z.toJSONSchema(ConfigFile, { io: "input", target: "draft-7", reused: "ref" }) as JsonSchema;
}
