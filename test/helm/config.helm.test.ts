import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { splitByRestart } from "../../src/daemon/restart-needed.ts";
import { type Config, loadConfig } from "../../src/config/config.ts";
import { parseConfig } from "../../src/config/parse.ts";
import { at, configOf, matrix, minimal, named, render, valuesFile } from "./helm.ts";

/** The configuration in the pod, with its secrets and fleets. */

const pod = "spec.template.spec";

describe("the daemon accepts the configuration that the chart renders", () => {
  test.each(matrix)("with the values $name", async ({ name, path }) => {
    const manifests = await render(path);
    const text = configOf(manifests, name === "extras" ? "tokens" : "evertoken");
    const env = { REDIS_URL: "rediss://redis.example.com:6379" };
    const { config, problems } = parseConfig(text, "/etc/evertoken/config.yaml", env);
    expect(problems.filter(({ severity }) => severity === "error")).toEqual([]);
    expect(config?.http).toMatchObject({ host: "", port: 9464 });
  });
});

test("texts that YAML could read as numbers or other types stay texts", async () => {
  const odd = ["0123", "1e3", "yes", "null", "1:30", "~", "12345678901234567890", " a", "{a}"];
  const provider = { tokenEndpoint: "https://a.example.com", params: { odd } };
  const text = configOf(await render({ config: { ...minimal.config, providers: { a: provider } } }));
  expect(at(parse(text), "providers.a.params.odd")).toEqual(odd);
});

test("a payload template is not read as a template of Helm", async () => {
  const template = "Authorization: Bearer {access_token} {{ .Values.image }}";
  const publish = [{ store: "local", secret: "a", template }];
  const credential = { id: "a", provider: "p", clientId: "c", clientSecret: { env: "S" }, publish };
  const config = { ...minimal.config, credentials: [credential] };
  expect(at(parse(configOf(await render({ config }))), "credentials.0.publish.0.template")).toBe(template);
});

describe("only a change that a running daemon cannot reload starts new pods", async () => {
  const config = (more: object) => ({ config: { ...minimal.config, ...more } });

  async function rendered(values: object) {
    const manifests = await render(values);
    const annotations = at(manifests.one("Deployment"), "spec.template.metadata.annotations") as Record<string, string>;
    const { config } = parseConfig(configOf(manifests), "/etc/evertoken/config.yaml", {});
    return { checksum: annotations["checksum/config"], config: config as Config };
  }
  const before = await rendered(minimal);

  test.each([
    ["Redis", config({ redis: { url: "rediss://other.example.com:6379" } })],
    ["Redis's Secret", { ...minimal, redis: { existingSecret: "a" } }],
    ["the seal key", { ...minimal, sealKey: { existingSecret: "a" } }],
    ["the names of the listener", config({ http: { allowedHosts: ["tokens.example.com"] } })],
    ["the status page", config({ statusPage: true })],
    ["tracing", config({ tracing: { credentialId: true } })],
    ["the format of the log", config({ log: { format: "pretty" } })],
  ])("%s does, and the daemon asks for a restart", async (_, values) => {
    const after = await rendered(values);
    expect(after.checksum).not.toBe(before.checksum);
    expect(splitByRestart(before.config, after.config).restartNeeded).toHaveLength(1);
  });

  test.each([
    ["a provider", config({ providers: { a: { tokenEndpoint: "https://a.example.com" } } })],
    ["a store", config({ stores: { a: { type: "aws-secrets-manager", region: "eu-west-1" } } })],
    ["a policy", config({ defaults: { consumerCache: "10m" } })],
    ["the level of the log", config({ log: { level: "debug" } })],
    ["series by credential", config({ metrics: { perCredential: "all" } })],
    ["the history", config({ history: { keep: 1 } })],
    ["the time to drain", config({ shutdown: { drainTimeout: "30s" } })],
    ["a fleet's ConfigMap, whose mount starts them by itself,", { ...minimal, fleets: { configMaps: ["a"] } }],
  ])("%s does not, and the daemon reloads it", async (_, values) => {
    const after = await rendered(values);
    expect(after.checksum).toBe(before.checksum);
    expect(splitByRestart(before.config, after.config).restartNeeded).toEqual([]);
  });
});

describe("secrets", async () => {
  const manifests = await render(valuesFile("aws-irsa"));
  const found = manifests.one("Deployment");

  test("are mounted from existing Secrets, readable by the group only, and never by subPath", () => {
    const volumes = at(found, `${pod}.volumes`);
    const mode = 0o440;
    expect(named(volumes, "redis")?.["secret"]).toEqual({ secretName: "evertoken-redis", defaultMode: mode });
    expect(named(volumes, "seal-key")?.["secret"]).toEqual({ secretName: "evertoken-seal-key", defaultMode: mode });
    expect(named(volumes, "clients-0")?.["secret"]).toEqual({ secretName: "cyclr-clients", defaultMode: mode });
    expect(JSON.stringify(manifests.all)).not.toContain("subPath");
  });

  test("are named in the configuration by the paths of their mounts", () => {
    const config = parse(configOf(manifests)) as unknown;
    expect(at(config, "redis.password")).toEqual({ file: "/var/run/secrets/evertoken/redis/password" });
    expect(at(config, "sealKey")).toEqual({ file: "/var/run/secrets/evertoken/seal/seal-key" });
    const mounts = at(found, `${pod}.containers.0.volumeMounts`);
    expect(named(mounts, "redis")?.["mountPath"]).toBe("/var/run/secrets/evertoken/redis");
    expect(named(mounts, "seal-key")?.["mountPath"]).toBe("/var/run/secrets/evertoken/seal");
    expect(named(mounts, "clients-0")?.["mountPath"]).toBe("/var/run/secrets/evertoken/clients/cyclr-clients");
  });

  test("the older seal keys stand behind the one that seals, in one mounted Secret", async () => {
    const sealKey = { existingSecret: "evertoken-seal-key", key: "third", olderKeys: ["second", "first"] };
    const config = parse(configOf(await render({ ...minimal, sealKey }))) as unknown;
    const folder = "/var/run/secrets/evertoken/seal";
    expect(at(config, "sealKey")).toEqual(["third", "second", "first"].map((name) => ({ file: `${folder}/${name}` })));
  });

  test("are not rendered: no manifest is a Secret, and no variable holds one", async () => {
    for (const { name, path } of matrix.filter((each) => each.name !== "bundled-redis"))
      expect([name, (await render(path)).kinds().filter((kind) => kind === "Secret")]).toEqual([name, []]);
    expect(JSON.stringify(at(found, `${pod}.containers`))).not.toContain("secretKeyRef");
  });

  test("include the CA certificate of Redis, from its Secret", async () => {
    const config = parse(configOf(await render(valuesFile("redis-tls")))) as unknown;
    expect(at(config, "redis")).toEqual({
      url: "rediss://redis.example.com:6380/2",
      username: "evertoken",
      password: { file: "/var/run/secrets/evertoken/redis/password" },
      tls: { caFile: "/var/run/secrets/evertoken/redis/ca.crt" },
    });
  });
});

describe("Redis beyond one server", () => {
  test("behind Sentinels has its password and theirs from its Secret", async () => {
    const config = parse(configOf(await render(valuesFile("redis-sentinel")))) as unknown;
    expect(at(config, "redis")).toMatchObject({
      sentinel: { master: "mymaster", password: { file: "/var/run/secrets/evertoken/redis/sentinel-password" } },
      username: "evertoken",
      password: { file: "/var/run/secrets/evertoken/redis/password" },
    });
  });

  test("as a Cluster has its password and CA from its Secret", async () => {
    const config = parse(configOf(await render(valuesFile("redis-cluster")))) as unknown;
    expect(at(config, "redis")).toEqual({
      cluster: { nodes: ["redis-0.redis.svc:7000", "redis-1.redis.svc:7000"] },
      password: { file: "/var/run/secrets/evertoken/redis/password" },
      tls: { caFile: "/var/run/secrets/evertoken/redis/ca.crt" },
    });
  });
});

describe("fleets", async () => {
  const manifests = await render(valuesFile("fleets"));
  const found = manifests.one("Deployment");

  test("are folders, one for each ConfigMap or Secret, outside the folder of the configuration", () => {
    const mounts = at(found, `${pod}.containers.0.volumeMounts`);
    expect(named(mounts, "config")?.["mountPath"]).toBe("/etc/evertoken");
    expect(named(mounts, "fleet-0")?.["mountPath"]).toBe("/etc/evertoken-fleets/fleet-a-to-m");
    expect(named(mounts, "fleet-2")?.["mountPath"]).toBe("/etc/evertoken-fleets/fleet-confidential");
    expect(named(at(found, `${pod}.volumes`), "fleet-0")).toEqual({
      name: "fleet-0",
      configMap: { name: "fleet-a-to-m" },
    });
    expect(named(at(found, `${pod}.volumes`), "fleet-2")).toMatchObject({
      secret: { secretName: "fleet-confidential" },
    });
  });

  test("are included by the configuration, after its own includes", async () => {
    const included = async (include?: unknown) => {
      const config = { ...minimal.config, ...(include !== undefined && { include }) };
      return at(parse(configOf(await render({ config, fleets: { configMaps: ["a"], secrets: ["b"] } }))), "include");
    };
    const mounted = ["/etc/evertoken-fleets/a", "/etc/evertoken-fleets/b"];
    expect(await included()).toEqual(mounted);
    expect(await included("/own/*.yaml")).toEqual(["/own/*.yaml", ...mounted]);
    expect(await included(["/own", "/other"])).toEqual(["/own", "/other", ...mounted]);
  });
});

test("the files of a fleet, mounted as by Kubernetes, are found and use the templates of the values", async () => {
  const account = { provider: "p", clientSecret: { env: "S" }, publish: [{ store: "aws", secret: "accounts/{id}" }] };
  const config = {
    ...minimal.config,
    providers: { p: { tokenEndpoint: "https://login.example.com/token" } },
    stores: { aws: { type: "aws-secrets-manager", region: "eu-west-1" } },
    templates: { account },
  };
  const dir = await mkdtemp(join(tmpdir(), "et-fleets-"));
  try {
    const mounted = join(dir, "eu", "..2026_11_24");
    await mkdir(mounted, { recursive: true });
    const accounts = ["4711", "acme"].map((id) => ({ id, template: "account", clientId: "c" }));
    await writeFile(join(mounted, "a.yaml"), JSON.stringify({ credentials: accounts }));
    await symlink("..2026_11_24", join(dir, "eu", "..data"));
    await symlink("..data/a.yaml", join(dir, "eu", "a.yaml"));
    const rendered = configOf(await render({ config, fleets: { configMaps: ["eu"] } }));
    await writeFile(join(dir, "config.yaml"), rendered.replaceAll("/etc/evertoken-fleets", dir));
    const loaded = await loadConfig(join(dir, "config.yaml"), {});
    expect(loaded.problems.filter(({ severity }) => severity === "error")).toEqual([]);
    expect(loaded.config?.credentials.map(({ id }) => id)).toEqual(["4711", "acme"]);
  } finally {
    await rm(dir, { recursive: true });
  }
});

describe("the bundled Redis", async () => {
  const manifests = await render(valuesFile("bundled-redis"));
  const found = manifests.one("StatefulSet");

  test("is one pod of an official image, restricted like the daemon's", () => {
    expect(at(found, "spec.replicas")).toBe(1);
    expect(at(found, `${pod}.containers.0.image`)).toMatch(/^docker\.io\/valkey\/valkey:/);
    expect(at(found, `${pod}.securityContext`)).toMatchObject({ runAsNonRoot: true, runAsUser: 999 });
    expect(at(found, `${pod}.containers.0.securityContext`)).toMatchObject({ readOnlyRootFilesystem: true });
  });

  test("keeps an append-only file and evicts nothing", () => {
    const { "valkey.conf": conf } = at(manifests.one("ConfigMap", "evertoken-redis"), "data") as Record<string, string>;
    expect(conf).toContain("appendonly yes");
    expect(conf).toContain("maxmemory-policy noeviction");
  });

  test("has the address and the password that the configuration names", () => {
    expect(at(parse(configOf(manifests)), "redis")).toEqual({
      url: "redis://evertoken-redis:6379",
      password: { file: "/var/run/secrets/evertoken/redis/password" },
    });
    const volume = named(at(manifests.one("Deployment"), `${pod}.volumes`), "redis");
    expect(volume?.["secret"]).toMatchObject({ secretName: "evertoken-redis" });
    expect(at(manifests.one("Secret", "evertoken-redis"), "data")).toEqual({
      password: expect.stringMatching(/^[A-Za-z0-9+/]{54}==$/),
    });
  });

  test("uses a named Secret that exists, and makes none", async () => {
    const sealKey = { existingSecret: "seal" };
    const { kinds, one } = await render({ bundledRedis: { enabled: true, existingSecret: "mine" }, sealKey });
    expect(kinds()).not.toContain("Secret");
    expect(JSON.stringify(one("StatefulSet"))).toContain('"name":"mine","key":"password"');
    expect(named(at(one("Deployment"), `${pod}.volumes`), "redis")).toMatchObject({ secret: { secretName: "mine" } });
  });

  test("keeps its data in a claim that outlives the release, or in the pod without persistence", async () => {
    expect(at(found, "spec.persistentVolumeClaimRetentionPolicy")).toEqual({
      whenDeleted: "Retain",
      whenScaled: "Retain",
    });
    const { one } = await render({ bundledRedis: { enabled: true, persistence: { enabled: false } } });
    expect(named(at(one("StatefulSet"), `${pod}.volumes`), "data")).toEqual({ name: "data", emptyDir: {} });
    expect(at(one("StatefulSet"), "spec")).not.toHaveProperty("volumeClaimTemplates");
  });
});
