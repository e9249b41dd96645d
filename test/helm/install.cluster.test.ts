import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Cluster, startCluster } from "./cluster.ts";
import { type Helm, at, helms, matrix, minimal, runTool, template } from "./helm.ts";
import { CHART } from "./values-schema.ts";

/**
 * Both versions of Helm at a real API server. Its namespaces enforce the level "restricted" of Pod Security, and warn
 * of it.
 */

let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster();
}, 120_000);
afterAll(async () => cluster[Symbol.asyncDispose]());

const crds = new URL("crds", import.meta.url).pathname;
const helm = (version: Helm, args: readonly string[], values: object = {}) =>
  runTool(version, [...args, "--kubeconfig", cluster.kubeconfig], JSON.stringify(values));

/**
 * Runs a command of Helm on the release. What it writes to stderr are warnings, its own and those of the API server.
 */
const release =
  (version: Helm, namespace: string) =>
  async (values: object, ...args: readonly string[]): Promise<void> => {
    const [verb = "", ...rest] = args;
    const given = ["install", "upgrade"].includes(verb) ? [CHART, "--values", "-"] : [];
    const { code, stderr } = await helm(version, [verb, "evertoken", ...given, ...rest, "-n", namespace], values);
    expect([args.join(" "), code, stderr]).toEqual([args.join(" "), 0, ""]);
  };

const named = async (kind: string, namespace: string) => {
  const { stdout } = await cluster.kubectl(["-n", namespace, "get", kind, "-o", "name"]);
  return stdout
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => line.slice(line.indexOf("/") + 1));
};

const checksum = async (namespace: string) =>
  at(await cluster.get("deployment", "evertoken", namespace), "spec.template.metadata.annotations.checksum/config");

const trial = { bundledRedis: { enabled: true }, networkPolicy: { enabled: true } };

describe.each(helms)("%s", (version) => {
  test("installs, upgrades, rolls back and uninstalls without a single warning", async () => {
    const namespace = await cluster.namespace(`whole-life-${version}`);
    await release(version, namespace)(minimal, "install");
    const before = await checksum(namespace);
    const found = await cluster.get("deployment", "evertoken", namespace);
    expect(at(found, "spec.replicas")).toBe(2);

    const provider = { tokenEndpoint: "https://login.example.com/token" };
    await release(version, namespace)({ config: { ...minimal.config, providers: { example: provider } } }, "upgrade");
    const { data } = (await cluster.get("configmap", "evertoken", namespace)) as { data: Record<string, string> };
    expect(data["config.yaml"]).toContain("https://login.example.com/token");
    expect(await checksum(namespace)).toBe(before);

    const log = { format: "pretty" };
    await release(version, namespace)({ config: { ...minimal.config, log }, replicaCount: 3 }, "upgrade");
    expect(await checksum(namespace)).not.toBe(before);

    await release(version, namespace)({}, "rollback", "1");
    expect(await checksum(namespace)).toBe(before);
    expect(at(await cluster.get("deployment", "evertoken", namespace), "spec.replicas")).toBe(2);

    await release(version, namespace)({}, "uninstall");
    for (const kind of ["deployment", "configmap", "service", "serviceaccount", "poddisruptionbudget", "secret"])
      expect([kind, (await named(kind, namespace)).filter((name) => name !== "kube-root-ca.crt")]).toEqual([kind, []]);
  });

  test("keeps the password of the bundled Redis and its seal key over upgrades, the key for ever", async () => {
    const namespace = await cluster.namespace(`trial-${version}`);
    const password = async () => at(await cluster.get("secret", "evertoken-redis", namespace), "data.password");
    await release(version, namespace)(trial, "install");
    const sealKey = async () => at(await cluster.get("secret", "evertoken-seal", namespace), "data.seal-key");
    const [first, firstKey] = [await password(), await sealKey()];
    expect(firstKey).toMatch(/^[A-Za-z0-9+/]{59}=$/);
    expect(first).toMatch(/^[A-Za-z0-9+/]{54}==$/);
    await release(version, namespace)({ ...trial, replicaCount: 4 }, "upgrade");
    expect(await password()).toBe(first);
    expect(await sealKey()).toBe(firstKey);
    await release(version, namespace)({}, "uninstall");
    expect(await sealKey()).toBe(firstKey);
    await release(version, namespace)(trial, "install");
    expect(await sealKey()).toBe(firstKey);
    await release(version, namespace)({}, "uninstall");
  });

  test("upgrades after an operator's `kubectl rollout restart`, and keeps the annotation of the restart", async () => {
    const namespace = await cluster.namespace(`restart-${version}`);
    const restarted = "spec.template.metadata.annotations";
    await release(version, namespace)(minimal, "install");
    await cluster.kubectl(["-n", namespace, "rollout", "restart", "deploy/evertoken"]);
    await release(version, namespace)({ ...minimal, replicaCount: 3 }, "upgrade");
    const found = await cluster.get("deployment", "evertoken", namespace);
    expect(Object.keys(at(found, restarted) as object)).toContain("kubectl.kubernetes.io/restartedAt");
    expect(at(found, "spec.replicas")).toBe(3);
    await release(version, namespace)({}, "uninstall");
  });

  test("would report a pod that is not restricted", async () => {
    const namespace = await cluster.namespace(`lax-${version}`);
    const values = { ...minimal, securityContext: { allowPrivilegeEscalation: true } };
    const { stderr } = await helm(version, ["install", "evertoken", CHART, "--values", "-", "-n", namespace], values);
    expect(stderr).toContain('would violate PodSecurity \\"restricted:latest\\"');
  });

  test("leaves out monitors and rules whose kinds the cluster does not know, and warns", async () => {
    const namespace = await cluster.namespace(`no-crds-${version}`);
    const values = { ...minimal, metrics: { podMonitor: { enabled: true } }, prometheusRule: { enabled: true } };
    await release(version, namespace)(values, "install");
    const { stdout } = await helm(version, ["get", "notes", "evertoken", "-n", namespace]);
    expect(stdout).toContain("WARNING: the PodMonitor was left out: this cluster does not know the kind");
    expect(stdout).toContain("WARNING: the PrometheusRule was left out");
    await release(version, namespace)({}, "uninstall");
  });

  test("prints the next commands after an install", async () => {
    const namespace = await cluster.namespace(`notes-${version}`);
    await release(version, namespace)(trial, "install");
    const { stdout } = await helm(version, ["get", "notes", "evertoken", "-n", namespace]);
    expect(stdout).toContain(`kubectl -n ${namespace} exec deploy/evertoken -- evertoken status`);
    expect(stdout).toContain(`helm -n ${namespace} test evertoken --logs`);
    expect(stdout).toContain("WARNING: the bundled Redis is a single pod for trials");
    expect(stdout).toContain("So is the seal key: set sealKey.existingSecret there.");
    await release(version, namespace)({}, "uninstall");
  });

  test("warns of values that work but are not for production", async () => {
    const namespace = await cluster.namespace(`warned-${version}`);
    const config = {
      redis: { url: "redis://redis.example.com:6379" },
      allowUnsealed: true,
      stores: { local: { type: "file", dir: "/tokens" } },
      metrics: { perCredential: "all" },
      statusPage: true,
    };
    await release(version, namespace)({ config, replicaCount: 1 }, "install");
    const { stdout } = await helm(version, ["get", "notes", "evertoken", "-n", namespace]);
    for (const warned of [
      "a single replica: nothing is renewed while its node is drained",
      "config.allowUnsealed: a token that cannot be published at once is minted again",
      "config.redis.url is redis://",
      "the store local keeps tokens in files of each pod, in /tokens",
      "metrics per credential are on",
    ])
      expect(stdout).toContain(`WARNING: ${warned}`);
    expect(stdout).toContain("port-forward deploy/evertoken 9464");
    expect(stdout).toContain("Nothing scrapes its metrics yet");
    await release(version, namespace)({}, "uninstall");
  });

  test("does not warn of values that are for production", async () => {
    const namespace = await cluster.namespace(`calm-${version}`);
    await release(version, namespace)({ ...minimal, sealKey: { existingSecret: "seal" } }, "install");
    const { stdout } = await helm(version, ["get", "notes", "evertoken", "-n", namespace]);
    expect(stdout).not.toContain("WARNING");
    await release(version, namespace)({}, "uninstall");
  });

  test("changes nothing in the cluster when the values cannot work", async () => {
    const namespace = await cluster.namespace(`refused-${version}`);
    const { code, stderr } = await helm(version, ["install", "evertoken", CHART, "-n", namespace]);
    expect(code).toBe(1);
    expect(stderr).toContain("no Redis: set config.redis.url");
    expect(await named("all,configmap,secret,serviceaccount", namespace)).toEqual([]);
  });
});

test("Helm 4 uses server-side apply, and owns the fields that it applied", async () => {
  const namespace = await cluster.namespace("server-side");
  await release("helm4", namespace)(minimal, "install");
  const args = ["-n", namespace, "get", "deployment", "evertoken", "-o", "json", "--show-managed-fields"];
  const { stdout } = await cluster.kubectl(args);
  expect(at(JSON.parse(stdout), "metadata.managedFields")).toMatchObject([{ manager: "helm", operation: "Apply" }]);
  await release("helm4", namespace)({ ...minimal, replicaCount: 3 }, "upgrade", "--server-side=true");
  await release("helm4", namespace)({}, "uninstall");
});

test("Helm 4 upgrades a release of Helm 3", async () => {
  const namespace = await cluster.namespace("from-3-to-4");
  await release("helm3", namespace)(minimal, "install");
  await release("helm4", namespace)({ ...minimal, replicaCount: 3 }, "upgrade");
  expect(at(await cluster.get("deployment", "evertoken", namespace), "spec.replicas")).toBe(3);
  await release("helm4", namespace)({}, "uninstall");
});

describe("with the kinds of the operators", () => {
  beforeAll(async () => {
    const runtime = {
      apiVersion: "node.k8s.io/v1",
      kind: "RuntimeClass",
      metadata: { name: "gvisor" },
      handler: "runsc",
    };
    expect(await cluster.kubectl(["apply", "-f", crds])).toMatchObject({ code: 0 });
    expect(await cluster.kubectl(["apply", "-f", "-"], JSON.stringify(runtime))).toMatchObject({ code: 0 });
    expect(
      await cluster.kubectl(["wait", "--for=condition=Established", "crd", "--all", "--timeout=60s"]),
    ).toMatchObject({
      code: 0,
    });
    await cluster.namespace("tokens");
  }, 120_000);

  test.each(helms)("%s installs the monitor and the rules", async (version) => {
    const namespace = await cluster.namespace(`crds-${version}`);
    const values = { ...minimal, metrics: { podMonitor: { enabled: true } }, prometheusRule: { enabled: true } };
    await release(version, namespace)(values, "install");
    expect(await named("podmonitor", namespace)).toEqual(["evertoken"]);
    expect(await named("prometheusrule", namespace)).toEqual(["evertoken"]);
    await release(version, namespace)({}, "uninstall");
    expect(await named("podmonitor,prometheusrule", namespace)).toEqual([]);
  });

  test.each(matrix)(
    "the API server accepts every object of the values $name, hooks included, without a warning",
    async ({ path }) => {
      const { stdout } = await template(path);
      const args = ["apply", "--server-side", "--dry-run=server", "--field-manager=check", "-f", "-"];
      const { code, stderr } = await cluster.kubectl(args, stdout);
      expect([code, stderr]).toEqual([0, ""]);
    },
  );
});
