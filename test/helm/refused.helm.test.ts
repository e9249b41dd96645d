import { describe, expect, test } from "vitest";
import { helms, minimal, refusal, render } from "./helm.ts";

/** Values that cannot work are refused before anything is rendered, with the place, the fact and the remedy. */

const redis = { url: "rediss://redis.example.com:6379" };
const config = (more: object) => ({ config: { redis, allowUnsealed: true, ...more } });

test.each(helms)("%s names the place of a typo in the configuration", async (helm) => {
  const typo = config({
    providers: { "cyclr-eu": { tokenEndpoint: "https://api.eu.cyclr.com/oauth/token", limts: {} } },
  });
  expect(await refusal(typo, { helm })).toContain(
    "at '/config/providers/cyclr-eu': additional properties 'limts' not allowed",
  );
});

test("a typo in the values of the chart is refused with its path", async () => {
  expect(await refusal({ ...minimal, podDisruptionBudget: { maxUnavailible: 1 } })).toContain(
    "at '/podDisruptionBudget': additional properties 'maxUnavailible' not allowed",
  );
});

test.each<[string, object, string]>([
  [
    "no Redis at all",
    {},
    "no Redis: set config.redis.url to yours (rediss://HOST:PORT), or bundledRedis.enabled=true to try it out " +
      "with one that is not highly available",
  ],
  [
    "a Redis of one's own without a seal key",
    { config: { redis } },
    "no seal key: an outage of a store would mint each token again; kubectl -n tokens create secret generic " +
      'evertoken-seal-key --from-literal=seal-key="$(openssl rand -base64 32)" and set ' +
      "sealKey.existingSecret=evertoken-seal-key, or config.allowUnsealed=true to go without",
  ],
  [
    "a preflight that needs the seal key which the chart makes",
    { bundledRedis: { enabled: true, existingSecret: "a" }, preflight: { enabled: true } },
    "preflight.enabled runs before anything is made, so it cannot read the seal key that the chart makes for " +
      "bundledRedis; set sealKey.existingSecret, or leave preflight off",
  ],
  [
    "two Redis",
    { ...minimal, bundledRedis: { enabled: true } },
    "config.redis and bundledRedis.enabled: both say which Redis to use; take one of them out",
  ],
  [
    "a Secret for the bundled Redis in the place of another's",
    { bundledRedis: { enabled: true }, redis: { existingSecret: "a" } },
    "redis.existingSecret is for a Redis of your own; the bundled one's is bundledRedis.existingSecret",
  ],
  [
    "a password in Redis's address",
    { config: { allowUnsealed: true, redis: { url: "rediss://default:s3cret@redis.example.com:6379" } } },
    "config.redis.url holds a password, which would stand in a ConfigMap: " +
      "put it into a Secret and name that in redis.existingSecret",
  ],
  [
    "a Redis without an address",
    { config: { allowUnsealed: true, redis: { username: "evertoken" } } },
    "config.redis: set exactly one of url, sentinel and cluster",
  ],
  [
    "two addresses of Redis",
    { config: { allowUnsealed: true, redis: { ...redis, cluster: { nodes: ["a:6379"] } } } },
    "config.redis: set exactly one of url, sentinel and cluster, not cluster and url",
  ],
  [
    "two passwords of Sentinels",
    {
      config: { allowUnsealed: true, redis: { sentinel: { master: "m", nodes: ["a:26379"], password: { env: "P" } } } },
      redis: { existingSecret: "a", sentinelPasswordKey: "sentinel" },
    },
    "config.redis.sentinel.password and redis.sentinelPasswordKey both say where the Sentinels' password is; " +
      "take one of them out",
  ],
  [
    "two passwords of Redis",
    { config: { allowUnsealed: true, redis: { ...redis, password: { env: "P" } } }, redis: { existingSecret: "a" } },
    "config.redis.password and redis.existingSecret both say where the password is; take one of them out",
  ],
  [
    "two CAs of Redis",
    {
      config: { allowUnsealed: true, redis: { ...redis, tls: { caFile: "/ca" } } },
      redis: { existingSecret: "a", caKey: "ca" },
    },
    "config.redis.tls.caFile and redis.caKey both say where the CA certificate is; take one of them out",
  ],
  [
    "a key of no Secret",
    { ...minimal, redis: { caKey: "ca.crt" } },
    "redis.caKey and redis.sentinelPasswordKey are keys of redis.existingSecret, which is empty",
  ],
  [
    "a password of Sentinels that are not there",
    { ...minimal, redis: { existingSecret: "a", sentinelPasswordKey: "sentinel" } },
    "redis.sentinelPasswordKey is set, but config.redis.sentinel is not",
  ],
  [
    "another address to listen on",
    config({ http: { listen: "127.0.0.1:8080" } }),
    "config.http.listen is set by the chart, to :9464, which its probes and monitors expect; take it out",
  ],
  [
    "a data directory",
    config({ dataDir: "/data" }),
    "config.dataDir is for the embedded Redis of a single machine; take it out",
  ],
  [
    "two seal keys",
    { ...config({ sealKey: { env: "KEY" } }), sealKey: { existingSecret: "a" } },
    "config.sealKey and sealKey.existingSecret both say where the seal key is; take one of them out",
  ],
  [
    "two fleets in one folder",
    { ...minimal, fleets: { configMaps: ["eu"], secrets: ["eu"] } },
    "fleets: eu is the name of a ConfigMap and of a Secret, and both would be the folder " +
      "/etc/evertoken-fleets/eu; rename one of them",
  ],
  [
    "a budget for a single replica",
    { ...minimal, replicaCount: 1, podDisruptionBudget: { enabled: true } },
    "podDisruptionBudget.enabled=true with 1 replica: a budget of a single pod protects nothing or blocks every " +
      "drain of its node; set replicaCount to 2 or more, or the budget to auto",
  ],
  [
    "two monitors",
    { ...minimal, metrics: { podMonitor: { enabled: true }, serviceMonitor: { enabled: true } } },
    "metrics.podMonitor and metrics.serviceMonitor are on, and would count every pod more than once; " +
      "leave one on, preferably metrics.podMonitor",
  ],
  [
    "a ServiceMonitor without a Service",
    { ...minimal, service: { enabled: false }, metrics: { serviceMonitor: { enabled: true } } },
    "metrics.serviceMonitor.enabled needs service.enabled=true; metrics.podMonitor needs no Service",
  ],
  [
    "a smallest number of pods above the largest",
    { ...minimal, autoscaling: { type: "hpa", minReplicas: 6 } },
    "autoscaling.minReplicas (6) is more than autoscaling.maxReplicas (5)",
  ],
  [
    "an autoscaler without a target",
    { ...minimal, autoscaling: { type: "hpa", hpa: { targetCPUUtilizationPercentage: 0 } } },
    "autoscaling.type=hpa has no target: set autoscaling.hpa.targetCPUUtilizationPercentage or " +
      "targetMemoryUtilizationPercentage",
  ],
  [
    "KEDA without a Prometheus",
    { ...minimal, autoscaling: { type: "keda" } },
    "autoscaling.type=keda needs autoscaling.keda.serverAddress, the address of Prometheus " +
      "(http://prometheus.monitoring:9090)",
  ],
  [
    "a user namespace before Kubernetes 1.33",
    { ...minimal, hostUsers: false },
    "hostUsers=false (a user namespace) needs Kubernetes 1.33 or newer, and this is v1.30.0",
  ],
  [
    "a preflight of a password that does not exist yet",
    { bundledRedis: { enabled: true }, preflight: { enabled: true } },
    "preflight.enabled runs before anything is made, so it cannot read the password that bundledRedis makes; " +
      "set bundledRedis.existingSecret, or leave preflight off",
  ],
  [
    "a service account that has no name",
    { ...minimal, serviceAccount: { create: false }, preflight: { enabled: true } },
    "serviceAccount.create=false needs serviceAccount.name",
  ],
  [
    "an alert that does not exist",
    { ...minimal, prometheusRule: { disabled: ["EvertokenDwon"] } },
    "prometheusRule: there is no alert EvertokenDwon; there are ",
  ],
])("%s is refused", async (_, values, message) => {
  expect(await refusal(values)).toContain(`these values cannot work: * ${message}`);
});

test("all problems are reported at once", async () => {
  const message = await refusal({
    replicaCount: 1,
    podDisruptionBudget: { enabled: true },
    terminationGracePeriodSeconds: 20,
  });
  expect(message.match(/ \* /g)).toHaveLength(3);
});

describe("the grace period", () => {
  const grace = (seconds: number, drainTimeout?: string) => ({
    ...config(drainTimeout === undefined ? {} : { shutdown: { drainTimeout } }),
    terminationGracePeriodSeconds: seconds,
  });

  test("one second short of drain timeout and 15 s, it is refused with the arithmetic", async () => {
    expect(await refusal(grace(74))).toContain(
      "terminationGracePeriodSeconds is 74, but config.shutdown.drainTimeout (60s) = 60 s, and 15 s to close " +
        "Redis and write the last lines, make 75; set it to at least that",
    );
  });

  test.each([
    [75, undefined],
    [16, "1s"],
    [16, "500ms"],
    [105, "1m30s"],
    [106, "1m30s1ms"],
    [3615, "1h"],
    [90_000 + 15, "1d1h"],
  ])("%i s are enough for %s", async (seconds, drainTimeout) => {
    await expect(render(grace(seconds, drainTimeout))).resolves.toBeDefined();
    if (seconds > 16) expect(await refusal(grace(seconds - 1, drainTimeout))).toContain(`make ${seconds};`);
  });
});
