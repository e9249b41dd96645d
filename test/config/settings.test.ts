import { describe, expect, test } from "vitest";
import { configSchema } from "../../src/config/parse.ts";
import { report } from "./fixture.ts";

const KNOWN = Object.keys((configSchema() as { properties: object }).properties).join(", ");

const REST = "provider: p, clientId: x, clientSecret: { env: A }";

const rows: readonly { name: string; text: string; says: readonly string[] }[] = [
  {
    name: "an unknown key",
    text: "lgo: { level: info }",
    says: [`c.yaml:1:1 error  unknown key "lgo"; known keys: ${KNOWN}   (did you mean "log"?)`, "    1 | lgo: ..."],
  },
  {
    name: "an unknown key far from any other",
    text: "whatever: 5",
    says: [`c.yaml:1:1 error  unknown key "whatever"; known keys: ${KNOWN}`, "    1 | whatever: ..."],
  },
  {
    name: "a mistyped level",
    text: "log: { level: inof }",
    says: [
      `c.yaml:1:15 error  one of trace, debug, info, warn, error, fatal is expected   (did you mean "info"?)`,
      "    1 | log: { level: inof }",
    ],
  },
  {
    name: "a mistyped format",
    text: "log: { format: jsn }",
    says: [
      `c.yaml:1:16 error  one of json, gcp, pretty is expected   (did you mean "json"?)`,
      "    1 | log: { format: jsn }",
    ],
  },
  {
    name: "a number for an address",
    text: "http: { listen: 9464 }",
    says: ["c.yaml:1:17 error  a text is expected; put it in quotes", "    1 | http: { listen: 9464 }"],
  },
  {
    name: "an address without a port",
    text: "http: { listen: localhost }",
    says: [
      "c.yaml:1:17 error  host:port is expected, such as 127.0.0.1:9464, [::1]:9464 or :9464 for all addresses",
      "    1 | http: { listen: localhost }",
    ],
  },
  {
    name: "a port that does not exist",
    text: `http: { listen: "127.0.0.1:65536" }`,
    says: [
      "c.yaml:1:17 error  host:port is expected, such as 127.0.0.1:9464, [::1]:9464 or :9464 for all addresses",
      `    1 | http: { listen: "127.0.0.1:65536" }`,
    ],
  },
  {
    name: "a duration without a unit",
    text: "shutdown: { drainTimeout: 60 }",
    says: [
      `c.yaml:1:27 error  a duration like 30s, 5m, 1h30m or 14d is expected   (did you mean "60s"?)`,
      "    1 | shutdown: { drainTimeout: 60 }",
    ],
  },
  {
    name: "a text that is no duration",
    text: "shutdown: { drainTimeout: 60sec }",
    says: [
      "c.yaml:1:27 error  a duration like 30s, 5m, 1h30m or 14d is expected",
      "    1 | shutdown: { drainTimeout: 60sec }",
    ],
  },
  {
    name: "a list for a map",
    text: "log: [info]",
    says: ["c.yaml:1:6 error  a map is expected", "    1 | log: [info]"],
  },
  {
    name: "a text for a map",
    text: "defaults: 5m",
    says: ["c.yaml:1:11 error  a map is expected"],
  },
  {
    name: "two ways to Redis",
    text: `redis: { url: "redis://localhost", cluster: { nodes: [a:6379] } }
sealKey: { env: K }`,
    says: [
      "c.yaml:1:8 error  set exactly one of url, sentinel and cluster, not url and cluster; " +
        "leave redis out for an embedded one",
      "    1 | redis: { url: ...",
    ],
  },
  {
    name: "no way to Redis",
    text: "redis: { keyPrefix: a }\nsealKey: { env: K }",
    says: [
      "c.yaml:1:8 error  set exactly one of url, sentinel and cluster; leave redis out for an embedded one",
      "    1 | redis: { keyPrefix: a }",
    ],
  },
  {
    name: "a sentinel with a scheme",
    text: `redis: { sentinel: { master: m, nodes: ["redis://a:26379"] } }
sealKey: { env: K }`,
    says: [
      "c.yaml:1:41 error  host:port is expected",
      '    1 | redis: { sentinel: { master: m, nodes: ["redis://a:26379"] } }',
    ],
  },
  {
    name: "a Redis address without a scheme",
    text: `redis: { url: localhost, password: { env: P } }
sealKey: { env: K }`,
    says: ["c.yaml:1:15 error  redis://HOST:PORT or rediss://HOST:PORT is expected"],
  },
  {
    name: "a key prefix with a blank in it",
    text: `redis: { url: "redis://localhost", keyPrefix: a b }
sealKey: { env: K }`,
    says: ["c.yaml:1:47 error  1 to 64 letters, digits, dots, underscores and hyphens are expected"],
  },
  {
    name: "a seal key in the clear",
    text: "sealKey: c4n4ry",
    says: [
      "c.yaml:1:10 error  a seal key is never written here; write { file: /path } or { env: NAME }, or a list of them",
    ],
  },
  {
    name: "a list of seal keys with one in the clear",
    text: "sealKey: [{ env: K }, c4n4ry]",
    says: [
      "c.yaml:1:10 error  a seal key is never written here; write { file: /path } or { env: NAME }, or a list of them",
    ],
  },
  {
    name: "an empty list of seal keys",
    text: "sealKey: []",
    says: ["c.yaml:1:10 error  1 to 4 seal keys are expected"],
  },
  {
    name: "more than four seal keys",
    text: "sealKey: [{ env: A }, { env: B }, { env: C }, { env: D }, { env: E }]",
    says: ["c.yaml:1:10 error  1 to 4 seal keys are expected"],
  },
  {
    name: "a Redis of one's own without a seal key",
    text: 'redis: { url: "redis://localhost" }\nallowUnsealed: false',
    says: [
      "c.yaml:1:8 error  no sealKey: a token that waits for a store could not be kept, " +
        "and an outage would mint a herd; " +
        "make a key with: openssl rand -base64 32 > seal-key, and set sealKey: { file: seal-key }; " +
        "to run without one all the same, set allowUnsealed: true",
      "    1 | redis: { url: ...",
    ],
  },
  {
    name: "a Redis password in the clear",
    text: `redis: { url: "redis://localhost", password: c4n4ry }
sealKey: { env: K }`,
    says: ["c.yaml:1:46 error  a secret is never written here; write { file: /path } or { env: NAME }"],
  },
  {
    name: "a share above 95 %",
    text: "defaults: { rotateAt: 96% }",
    says: ["c.yaml:1:23 error  a share between 10% and 95% is expected", "    1 | defaults: { rotateAt: 96% }"],
  },
  {
    name: "a share below 10 %",
    text: "defaults: { rotateAt: 9.9% }",
    says: ["c.yaml:1:23 error  a share between 10% and 95% is expected", "    1 | defaults: { rotateAt: 9.9% }"],
  },
  {
    name: "a share without its percent sign",
    text: "defaults: { rotateAt: 75 }",
    says: [
      `c.yaml:1:23 error  a share between 10% and 95% is expected   (did you mean "75%"?)`,
      "    1 | defaults: { rotateAt: 75 }",
    ],
  },
  {
    name: "a text that is no share",
    text: "defaults: { rotateAt: often }",
    says: ["c.yaml:1:23 error  a share like 75% is expected", "    1 | defaults: { rotateAt: often }"],
  },
  {
    name: "a request that may take longer than any lease should last",
    text: "defaults: { requestTimeout: 10m1ms }",
    says: ["c.yaml:1:29 error  at most 10m is expected", "    1 | defaults: { requestTimeout: 10m1ms }"],
  },
  {
    name: "a drain longer than any timer",
    text: "shutdown: { drainTimeout: 25d }",
    says: ["c.yaml:1:27 error  at most 1d is expected", "    1 | shutdown: { drainTimeout: 25d }"],
  },
  {
    name: "a call to a store that no store can answer in time",
    text: "stores: { s: { type: file, dir: ./tokens, timeout: 99ms } }",
    says: [
      "c.yaml:1:52 error  at least 100ms is expected",
      "    1 | stores: { s: { type: file, dir: ./tokens, timeout: 99ms } }",
    ],
  },
  {
    name: "a call to a store that may take an hour",
    text: "stores: { s: { type: file, dir: ./tokens, timeout: 1h } }",
    says: [
      "c.yaml:1:52 error  at most 10m is expected",
      "    1 | stores: { s: { type: file, dir: ./tokens, timeout: 1h } }",
    ],
  },
  {
    name: "a request time-out that is too short",
    text: "defaults: { requestTimeout: 99ms }",
    says: ["c.yaml:1:29 error  at least 100ms is expected", "    1 | defaults: { requestTimeout: 99ms }"],
  },
  {
    name: "a lifetime that is too short",
    text: "defaults: { lifetime: 999ms, consumerCache: 0s, retryBudget: 0s, minInterval: 0s }",
    says: [
      "c.yaml:1:23 error  at least 1s is expected",
      "    1 | defaults: { lifetime: 999ms, consumerCache: 0s, retryBudget: 0s, minInterval: 0s }",
    ],
  },
  {
    name: "a policy key that is mistyped",
    text: "defaults: { consumerCach: 5m }",
    says: [
      `c.yaml:1:13 error  unknown key "consumerCach"; known keys: rotateAt, consumerCache, retryBudget, ` +
        `minInterval, lifetime, requestTimeout   (did you mean "consumerCache"?)`,
      "    1 | defaults: { consumerCach: ...",
    ],
  },
  {
    name: "a policy that cannot keep its consumers fresh",
    text: "defaults: { lifetime: 5m }",
    says: [
      "c.yaml:1:11 error  consumers would hold dead tokens: consumerCache is 5 min, " +
        "but a token of 5 min may be renewed as late as 2.4 min before its expiry, " +
        "half of the 4.8 min that remain after clock skew (30 s or 5 %); shorten consumerCache, " +
        "or state the real lifetime (lifetime: 14d) if the provider's tokens live longer",
      "    1 | defaults: { lifetime: 5m }",
    ],
  },
  {
    name: "a policy that keeps no retry budget",
    text: "defaults: { lifetime: 15m }",
    says: [
      "c.yaml:1:11 warning  the retry budget is not kept: consumerCache 5 min plus retryBudget 5 min = 10 " +
        "min, but a token of 15 min may be renewed as late as 7.3 min before its expiry, " +
        "half of the 14.5 min that remain after clock skew (30 s or 5 %); 2.3 min are left for retries",
      "    1 | defaults: { lifetime: 15m }",
    ],
  },
  {
    name: "a minimal interval longer than the life",
    text: "defaults: { lifetime: 1h, minInterval: 1h }",
    says: [
      "c.yaml:1:11 error  consumers would hold dead tokens: " +
        "minInterval 60 min plus consumerCache 5 min is 65 min, " +
        "but a token of 60 min can be used for only the 59.5 min that remain after clock skew (30 s or 5 %); " +
        "shorten minInterval",
      "    1 | defaults: { lifetime: 1h, minInterval: 1h }",
    ],
  },
  {
    name: "a provider that cannot keep its consumers fresh",
    text: `providers:
  p: { tokenEndpoint: https://login.example.com/token, consumerCache: 40m }`,
    says: [
      "c.yaml:2:6 error  consumers would hold dead tokens: consumerCache is 40 min, " +
        "but a token of 60 min may be renewed as late as 29.8 min before its expiry, " +
        "half of the 59.5 min that remain after clock skew (30 s or 5 %); shorten consumerCache, " +
        "or state the real lifetime (lifetime: 14d) if the provider's tokens live longer",
      "    2 |   p: { tokenEndpoint: https://login.example.com/token, consumerCache: 40m }",
    ],
  },
  {
    name: "a provider without an endpoint",
    text: "providers: { p: {} }",
    says: ["c.yaml:1:17 error  the key tokenEndpoint is missing", "    1 | providers: { p: {} }"],
  },
  {
    name: "a cyclr provider without an endpoint",
    text: "providers: { p: { preset: cyclr } }",
    says: [
      "c.yaml:1:17 error  the key tokenEndpoint is missing; known for cyclr: " +
        "https://api.cyclr.com/oauth/token, https://api.us2.cyclr.com/oauth/token, " +
        "https://api.cyclr.uk/oauth/token, https://api.eu.cyclr.com/oauth/token, " +
        "https://api.apac.cyclr.com/oauth/token",
      "    1 | providers: { p: { preset: cyclr } }",
    ],
  },
  {
    name: "an unknown preset",
    text: "providers: { p: { preset: cyklr, tokenEndpoint: https://api.cyclr.com/oauth/token } }",
    says: [
      `c.yaml:1:27 error  cyclr is expected   (did you mean "cyclr"?)`,
      "    1 | providers: { p: { preset: cyklr, tokenEndpoint: https://api.cyclr.com/oauth/token } }",
    ],
  },
  {
    name: "the password grant",
    text: "providers: { p: { tokenEndpoint: https://login.example.com/token, grant: password } }",
    says: [
      "c.yaml:1:74 error  the password grant is not supported: OAuth 2.0 Security (RFC 9700 section 2.4) " +
        "forbids it and Cyclr ended it in May 2021; use client_credentials",
      "    1 | providers: { p: { tokenEndpoint: https://login.example.com/token, grant: password } }",
    ],
  },
  {
    name: "another grant",
    text: "providers: { p: { tokenEndpoint: https://login.example.com/token, grant: authorization_code } }",
    says: [
      "c.yaml:1:74 error  client_credentials is expected",
      "    1 | providers: { p: { tokenEndpoint: https://login.example.com/token, grant: authorization_code } }",
    ],
  },
  {
    name: "an unknown client authentication",
    text: "providers: { p: { tokenEndpoint: https://login.example.com/token, auth: { method: client_secret_basik } } }",
    says: [
      "c.yaml:1:83 error  one of client_secret_basic, client_secret_post is expected   (did you mean " +
        `"client_secret_basic"?)`,
      "    1 | providers: { p: { tokenEndpoint: https://login.example.com/token, auth: { method: " +
        "client_secret_basik } } }",
    ],
  },
  {
    name: "an endpoint without a scheme",
    text: "providers: { p: { tokenEndpoint: login.example.com } }",
    says: [
      "c.yaml:1:34 error  this is not a URL; write https://HOST/PATH",
      "    1 | providers: { p: { tokenEndpoint: login.example.com } }",
    ],
  },
  {
    name: "an endpoint of another scheme",
    text: `providers: { p: { tokenEndpoint: "ftp://login.example.com/token" } }`,
    says: [
      "c.yaml:1:34 error  this is not a URL; write https://HOST/PATH",
      `    1 | providers: { p: { tokenEndpoint: "ftp://login.example.com/token" } }`,
    ],
  },
  {
    name: "an endpoint with a user in it",
    text: `providers: { p: { tokenEndpoint: "https://me:c4n4ry@login.example.com/token" } }`,
    says: ["c.yaml:1:34 error  a URL must not hold a user or password; the client secret belongs in clientSecret"],
  },
  {
    name: "an endpoint with a fragment",
    text: `providers: { p: { tokenEndpoint: "https://login.example.com/token#x" } }`,
    says: [
      "c.yaml:1:34 error  a token endpoint has no fragment (RFC 6749 section 3.2); leave out the # and what follows",
      `    1 | providers: { p: { tokenEndpoint: "https://login.example.com/token#x" } }`,
    ],
  },
  {
    name: "an endpoint with plain http",
    text: "providers: { p: { tokenEndpoint: http://login.example.com/token } }",
    says: [
      "c.yaml:1:34 error  plain http would show the client secret to the network; write https://, " +
        "or allowInsecure: true if you must",
      "    1 | providers: { p: { tokenEndpoint: http://login.example.com/token } }",
    ],
  },
  {
    name: "a Cyclr host with a typing error",
    text: "providers: { p: { preset: cyclr, tokenEndpoint: https://api.eu.cyclr.con/oauth/token } }",
    says: [
      "c.yaml:1:49 warning  api.eu.cyclr.con is not a known API domain   (did you mean " +
        `"https://api.eu.cyclr.com/oauth/token"?)`,
      "    1 | providers: { p: { preset: cyclr, tokenEndpoint: https://api.eu.cyclr.con/oauth/token } }",
    ],
  },
  {
    name: "a Cyclr console instead of its API",
    text: "providers: { p: { preset: cyclr, tokenEndpoint: https://my.cyclr.com/oauth/token } }",
    says: [
      "c.yaml:1:49 warning  my.cyclr.com is the domain of a console, " +
        `not of its API   (did you mean "https://api.cyclr.com/oauth/token"?)`,
      "    1 | providers: { p: { preset: cyclr, tokenEndpoint: https://my.cyclr.com/oauth/token } }",
    ],
  },
  {
    name: "the wrong path at Cyclr",
    text: "providers: { p: { preset: cyclr, tokenEndpoint: https://api.cyclr.com/oauth2/token } }",
    says: [
      "c.yaml:1:49 warning  the token endpoint of this provider is usually at /oauth/token",
      "    1 | providers: { p: { preset: cyclr, tokenEndpoint: https://api.cyclr.com/oauth2/token } }",
    ],
  },
  {
    name: "a limit of zero",
    text: "providers: { p: { tokenEndpoint: https://login.example.com/token, limits: { perSecond: 0 } } }",
    says: [
      "c.yaml:1:88 error  more than 0 is expected",
      "    1 | providers: { p: { tokenEndpoint: https://login.example.com/token, limits: { perSecond: 0 } } }",
    ],
  },
  {
    name: "a concurrency of zero",
    text: "providers: { p: { tokenEndpoint: https://login.example.com/token, limits: { concurrency: 0 } } }",
    says: [
      "c.yaml:1:90 error  at least 1 is expected",
      "    1 | providers: { p: { tokenEndpoint: https://login.example.com/token, limits: { concurrency: 0 } } }",
    ],
  },
  {
    name: "a concurrency that is not a whole number",
    text: "providers: { p: { tokenEndpoint: https://login.example.com/token, limits: { concurrency: 1.5 } } }",
    says: [
      "c.yaml:1:90 error  a whole number is expected",
      "    1 | providers: { p: { tokenEndpoint: https://login.example.com/token, limits: { concurrency: 1.5 } } }",
    ],
  },
  {
    name: "a concurrency above the limit",
    text: "providers: { p: { tokenEndpoint: https://login.example.com/token, limits: { concurrency: 1001 } } }",
    says: [
      "c.yaml:1:90 error  at most 1000 is expected",
      "    1 | providers: { p: { tokenEndpoint: https://login.example.com/token, limits: { concurrency: 1001 } } }",
    ],
  },
  {
    name: "yes for true",
    text: "providers: { p: { tokenEndpoint: https://login.example.com/token, allowInsecure: yes } }",
    says: [
      `c.yaml:1:82 error  true or false is expected   (did you mean "true"?)`,
      "    1 | providers: { p: { tokenEndpoint: https://login.example.com/token, allowInsecure: yes } }",
    ],
  },
  {
    name: "an unknown unit",
    text: "providers: { p: { tokenEndpoint: https://login.example.com/token, expiresInUnit: m } }",
    says: [
      `c.yaml:1:82 error  one of s, ms is expected   (did you mean "s"?)`,
      "    1 | providers: { p: { tokenEndpoint: https://login.example.com/token, expiresInUnit: m } }",
    ],
  },
  {
    name: "a number for a path",
    text: "providers: { p: { tokenEndpoint: https://login.example.com/token, responsePath: 5 } }",
    says: [
      "c.yaml:1:81 error  a path like data.token, or a list of its steps, is expected",
      "    1 | providers: { p: { tokenEndpoint: https://login.example.com/token, responsePath: 5 } }",
    ],
  },
  {
    name: "a reserved parameter",
    text: "providers: { p: { tokenEndpoint: https://login.example.com/token, params: { grant_type: x } } }",
    says: [
      "c.yaml:1:77 error  the parameter grant_type cannot be set here; evertoken sets it from clientId, " +
        "clientSecret and grant",
    ],
  },
  {
    name: "a provider's name with a blank",
    text:
      "providers: { p: { tokenEndpoint: https://login.example.com/token }, a b: { tokenEndpoint: " +
      "https://a.example.com/ } }",
    says: [
      "c.yaml:1:74 error  a provider's name has 1 to 64 letters, digits, . _ -",
      "    1 | providers: { p: { tokenEndpoint: https://login.example.com/token }, a b: { tokenEndpoint: " +
        "https://a.example.com/ } }",
    ],
  },
  {
    name: "an unknown store type",
    text: "stores: { s: { type: aws-secret-manager, region: eu-west-1 } }",
    says: [
      "c.yaml:1:22 error  one of aws-secrets-manager, gcp-secret-manager, " +
        `file is expected   (did you mean "aws-secrets-manager"?)`,
      "    1 | stores: { s: { type: aws-secret-manager, region: eu-west-1 } }",
    ],
  },
  {
    name: "a store without a type",
    text: "stores: { s: { dir: ./tokens } }",
    says: [
      "c.yaml:1:14 error  the key type is missing; one of aws-secrets-manager, gcp-secret-manager, file is expected",
      "    1 | stores: { s: { dir: ./tokens } }",
    ],
  },
  {
    name: "a file store without a dir",
    text: "stores: { s: { type: file } }",
    says: ["c.yaml:1:14 error  the key dir is missing", "    1 | stores: { s: { type: file } }"],
  },
  {
    name: "an AWS store without a region",
    text: "stores: { s: { type: aws-secrets-manager } }",
    says: ["c.yaml:1:14 error  the key region is missing", "    1 | stores: { s: { type: aws-secrets-manager } }"],
  },
  {
    name: "a GCP store without a project",
    text: "stores: { s: { type: gcp-secret-manager } }",
    says: ["c.yaml:1:14 error  the key project is missing", "    1 | stores: { s: { type: gcp-secret-manager } }"],
  },
  {
    name: "a key of another store type",
    text: "stores: { s: { type: file, dir: ./tokens, region: eu-west-1 } }",
    says: [
      `c.yaml:1:43 error  unknown key "region"; known keys: type, dir, timeout`,
      "    1 | stores: { s: { type: file, dir: ./tokens, region: ...",
    ],
  },
  {
    name: "an AWS endpoint without a scheme",
    text: `stores: { s: { type: aws-secrets-manager, region: eu-west-1, endpoint: "localhost:4566" } }`,
    says: [
      "c.yaml:1:72 error  http(s)://HOST:PORT is expected, without a path or a user",
      `    1 | stores: { s: { type: aws-secrets-manager, region: eu-west-1, endpoint: "localhost:4566" } }`,
    ],
  },
  {
    name: "a store beyond this machine with plain http",
    text: `stores: { s: { type: aws-secrets-manager, region: eu-west-1, endpoint: "http://aws.example.com" } }`,
    says: [
      "c.yaml:1:72 warning  plain http shows every token to the network; write https://",
      `    1 | stores: { s: { type: aws-secrets-manager, region: eu-west-1, endpoint: "http://aws.example.com" } }`,
    ],
  },
  {
    name: "a GCP endpoint with a path",
    text: `stores: { s: { type: gcp-secret-manager, project: x, endpoint: "http://localhost:1/v1" } }`,
    says: [
      "c.yaml:1:64 error  http(s)://HOST:PORT or HOST:PORT is expected, without a path or a user",
      `    1 | stores: { s: { type: gcp-secret-manager, project: x, endpoint: "http://localhost:1/v1" } }`,
    ],
  },
  {
    name: "labels at AWS, which has tags",
    text: "stores: { s: { type: aws-secrets-manager, region: eu-west-1, labels: {} } }",
    says: [
      `c.yaml:1:62 error  unknown key "labels"; known keys: type, region, create, endpoint, tags, limits, ` +
        "kmsKeyId, timeout",
      "    1 | stores: { s: { type: aws-secrets-manager, region: eu-west-1, labels: ...",
    ],
  },
  {
    name: "a secret's name with a slash at GCP",
    text: `stores: { s: { type: gcp-secret-manager, project: x } }
credentials: [{ id: a, ${REST}, publish: [{ store: s, secret: a/b }] }]`,
    says: ["c.yaml:2:106 error  a secret's name in GCP is 1 to 255 letters, digits, _ and - (no slash)"],
  },
  {
    name: "a secret's name with a blank at AWS",
    text: `stores: { s: { type: aws-secrets-manager, region: eu-west-1 } }
credentials: [{ id: a, ${REST}, publish: [{ store: s, secret: a b }] }]`,
    says: ["c.yaml:2:106 error  a secret's name in AWS is 1 to 512 letters, digits and /_+=.@-"],
  },
  {
    name: "one file that two stores lead to",
    text: `stores: { s: { type: file, dir: ./tokens/a }, t: { type: file, dir: tokens } }
credentials: [{ id: a, ${REST}, publish: [{ store: s, secret: b }, { store: t, secret: a/b }] }]`,
    says: [
      `c.yaml:2:131 error  two targets publish to the secret "a/b"; each needs a secret of its own (first in line 2)`,
    ],
  },
  {
    name: "a provider and a store that no credential uses",
    text: `providers: { p: { tokenEndpoint: https://a.example.com/ }, q: { tokenEndpoint: https://b.example.com/ } }
stores: { s: { type: file, dir: ./tokens }, t: { type: file, dir: ./others } }`,
    says: [
      "c.yaml:1:60 warning  no credential uses this provider",
      "    1 | providers: { p: { tokenEndpoint: https://a.example.com/ }, q: ...",
      "c.yaml:2:45 warning  no credential uses this store",
      "    2 | stores: { s: { type: file, dir: ./tokens }, t: ...",
    ],
  },
  {
    name: "a required section that is missing",
    text: "providers:",
    says: [
      "c.yaml:1:11 error  a map is expected",
      "    1 | providers:",
      `c.yaml:3:34 error  there is no provider "p"; no provider is configured`,
      "    3 | credentials: [{ id: a, provider: p, clientId: x, clientSecret: ...",
    ],
  },
];

describe("a configuration is reported for", () => {
  test.for(rows)("$name", ({ text, says }) => {
    expect(report(text).trimEnd().split("\n")).toEqual(says);
  });
});
