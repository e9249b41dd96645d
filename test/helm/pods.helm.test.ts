import { describe, expect, test } from "vitest";
import { makeMetrics } from "../../src/observe/metrics.ts";
import { type Manifests, at, minimal, named, render, valuesFile } from "./helm.ts";

/** The Deployment, and the objects around its pods. */

const pod = "spec.template.spec";
const container = `${pod}.containers.0`;
const deployment = async (values: object | string, options = {}) => (await render(values, options)).one("Deployment");

describe("by default", async () => {
  const manifests: Manifests = await render(minimal);
  const found = manifests.one("Deployment");

  test("there are one Deployment of two pods, a budget, a Service, a service account and the configuration", () => {
    expect(manifests.kinds()).toEqual([
      "ConfigMap",
      "Deployment",
      "Pod",
      "PodDisruptionBudget",
      "Service",
      "ServiceAccount",
    ]);
    expect(at(found, "spec.replicas")).toBe(2);
  });

  test("there is no role, and no token of the Kubernetes API is mounted", () => {
    expect(at(found, `${pod}.automountServiceAccountToken`)).toBe(false);
    expect(at(manifests.one("ServiceAccount"), "automountServiceAccountToken")).toBe(false);
    expect(manifests.kinds().filter((kind) => /Role/.test(kind))).toEqual([]);
  });

  test("a new version replaces the old one pod by pod, and no replica is missing meanwhile", () => {
    expect(at(found, "spec.strategy")).toEqual({
      type: "RollingUpdate",
      rollingUpdate: { maxUnavailable: 0, maxSurge: 1 },
    });
    expect(at(found, "spec.minReadySeconds")).toBe(10);
    expect(at(found, "spec.revisionHistoryLimit")).toBe(3);
    expect(at(found, `${pod}.terminationGracePeriodSeconds`)).toBe(90);
  });

  test("each of the three probes has its own path on the named port", () => {
    const probe = (name: string) => at(found, `${container}.${name}`);
    expect(at(found, `${container}.ports`)).toEqual([{ name: "http", containerPort: 9464, protocol: "TCP" }]);
    expect(probe("startupProbe")).toMatchObject({
      httpGet: { path: "/startupz", port: "http" },
      periodSeconds: 2,
      failureThreshold: 60,
    });
    expect(probe("livenessProbe")).toMatchObject({
      httpGet: { path: "/livez", port: "http" },
      timeoutSeconds: 15,
      failureThreshold: 8,
    });
    expect(probe("readinessProbe")).toMatchObject({ httpGet: { path: "/readyz", port: "http" } });
  });

  test("the container is restricted as by Pod Security, and can write to /tmp only", () => {
    expect(at(found, `${pod}.securityContext`)).toEqual({
      runAsNonRoot: true,
      runAsUser: 65532,
      runAsGroup: 65532,
      fsGroup: 65532,
      fsGroupChangePolicy: "OnRootMismatch",
      seccompProfile: { type: "RuntimeDefault" },
    });
    expect(at(found, `${container}.securityContext`)).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"] },
    });
    expect(named(at(found, `${pod}.volumes`), "tmp")?.["emptyDir"]).toEqual({ medium: "Memory", sizeLimit: "32Mi" });
  });

  test("memory is limited and CPU is not, and the heap is a share of the memory limit", () => {
    expect(at(found, `${container}.resources`)).toEqual({
      requests: { cpu: "100m", memory: "192Mi" },
      limits: { memory: "512Mi" },
    });
    expect(named(at(found, `${container}.env`), "NODE_OPTIONS")?.["value"]).toBe("--max-old-space-size-percentage=70");
  });

  test("the image's own entry point and command are used", () => {
    expect(at(found, `${container}.command`)).toBeUndefined();
    expect(at(found, `${container}.args`)).toBeUndefined();
    expect(at(found, `${container}.image`)).toBe("ghcr.io/evertoken/evertoken:0.1.0");
  });

  test("pods prefer different zones and nodes, counted per version", () => {
    const labelSelector = { matchLabels: at(found, "spec.selector.matchLabels") };
    const soft = {
      maxSkew: 1,
      whenUnsatisfiable: "ScheduleAnyway",
      labelSelector,
      matchLabelKeys: ["pod-template-hash"],
    };
    expect(at(found, `${pod}.topologySpreadConstraints`)).toEqual([
      { ...soft, topologyKey: "topology.kubernetes.io/zone" },
      { ...soft, topologyKey: "kubernetes.io/hostname" },
    ]);
  });

  test("the budget allows one disruption at a time, and always the eviction of a broken pod", () => {
    expect(at(manifests.one("PodDisruptionBudget"), "spec")).toEqual({
      maxUnavailable: 1,
      unhealthyPodEvictionPolicy: "AlwaysAllow",
      selector: { matchLabels: at(found, "spec.selector.matchLabels") },
    });
  });

  test("the environment has no service links", () => {
    expect(at(found, `${pod}.enableServiceLinks`)).toBe(false);
  });

  test("`helm test` runs the doctor with the same service account, image, configuration and mounts", () => {
    const doctor = manifests.one("Pod");
    expect(at(doctor, "metadata.annotations")).toEqual({
      "helm.sh/hook": "test",
      "helm.sh/hook-delete-policy": "before-hook-creation,hook-succeeded",
    });
    expect(at(doctor, "spec.containers.0.args")).toEqual(["doctor", "--output", "json", "--timeout", "30s"]);
    for (const same of ["image", "env", "volumeMounts", "securityContext"])
      expect(at(doctor, `spec.containers.0.${same}`)).toEqual(at(found, `${container}.${same}`));
    for (const same of ["serviceAccountName", "volumes", "securityContext", "automountServiceAccountToken"])
      expect(at(doctor, `spec.${same}`)).toEqual(at(found, `${pod}.${same}`));
  });

  test("selectors match the pods of the daemon, not those of the test or the bundled Redis", () => {
    const selector = at(found, "spec.selector.matchLabels") as Record<string, string>;
    expect(at(found, "spec.template.metadata.labels")).toMatchObject(selector);
    expect(at(manifests.one("Service"), "spec.selector")).toEqual(selector);
    expect(at(manifests.one("Pod"), "metadata.labels")).not.toMatchObject(selector);
  });
});

describe("replicas", () => {
  test("a single pod has no budget, because that would only block the drain of its node", async () => {
    const manifests = await render(valuesFile("single"));
    expect(manifests.kinds()).not.toContain("PodDisruptionBudget");
    expect(at(manifests.one("Deployment"), "spec.replicas")).toBe(1);
  });

  test("an autoscaler alone decides the number of replicas", async () => {
    const manifests = await render(valuesFile("autoscaling-hpa"));
    expect(at(manifests.one("Deployment"), "spec")).not.toHaveProperty("replicas");
    expect(at(manifests.one("HorizontalPodAutoscaler"), "spec")).toMatchObject({
      scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "evertoken" },
      minReplicas: 2,
      maxReplicas: 6,
      metrics: [
        { type: "Resource", resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 80 } } },
      ],
      behavior: { scaleDown: { stabilizationWindowSeconds: 300 } },
    });
  });

  test("KEDA scales by overdue credentials, not by a length in Redis, and never to zero", async () => {
    const { one } = await render(valuesFile("autoscaling-keda"));
    expect(at(one("ScaledObject"), "spec")).toMatchObject({
      scaleTargetRef: { name: "evertoken" },
      minReplicaCount: 3,
      triggers: [
        {
          type: "prometheus",
          metadata: {
            query: 'sum(max by (provider) (evertoken_credentials_overdue{namespace="tokens"}))',
            threshold: "100",
          },
        },
      ],
    });
    const exposed = await makeMetrics({ version: "0", nodeVersion: "0" }).exposition();
    expect(exposed).toContain("# TYPE evertoken_credentials_overdue gauge");
  });
});

describe("additions of a user", async () => {
  const manifests = await render(valuesFile("extras"));
  const found = manifests.one("Deployment");

  test("replace a variable of the chart of the same name", () => {
    const env = at(found, `${container}.env`) as { name: string; value: string }[];
    expect(env.filter(({ name }) => name === "NODE_OPTIONS")).toEqual([
      { name: "NODE_OPTIONS", value: "--max-old-space-size=300" },
    ]);
  });

  test("never replace a label of a selector, or the checksum", () => {
    expect(at(found, "metadata.labels")).toMatchObject({ team: "platform", "app.kubernetes.io/name": "evertoken" });
    const checksum = (at(found, "spec.template.metadata.annotations") as Record<string, string>)["checksum/config"];
    expect(checksum).toMatch(/^[0-9a-f]{64}$/);
  });

  test("reach the pod: containers, volumes, mounts, variables, arguments, scheduling", () => {
    expect(at(found, pod)).toMatchObject({
      serviceAccountName: "shared",
      priorityClassName: "system-cluster-critical",
      runtimeClassName: "gvisor",
      schedulerName: "my-scheduler",
      dnsPolicy: "ClusterFirst",
      dnsConfig: { options: [{ name: "ndots", value: "2" }] },
      hostAliases: [{ ip: "10.0.0.1", hostnames: ["login.internal"] }],
      nodeSelector: { "kubernetes.io/os": "linux" },
      tolerations: [{ key: "dedicated", operator: "Exists" }],
      imagePullSecrets: [{ name: "registry" }],
      initContainers: [{ name: "wait" }],
      containers: [
        {
          args: ["run", "--config", "/etc/evertoken/config.yaml"],
          envFrom: [{ secretRef: { name: "redis-url" } }],
        },
        { name: "proxy" },
      ],
    });
    expect(named(at(found, `${pod}.volumes`), "ca")).toEqual({ name: "ca", configMap: { name: "company-ca" } });
    expect(named(at(found, `${container}.volumeMounts`), "ca")?.["mountPath"]).toBe("/etc/company");
  });

  test("keep their own spread constraints unchanged", () => {
    expect(at(found, `${pod}.topologySpreadConstraints`)).toEqual([
      {
        maxSkew: 1,
        topologyKey: "topology.kubernetes.io/zone",
        whenUnsatisfiable: "DoNotSchedule",
        labelSelector: { matchLabels: { own: "selector" } },
      },
    ]);
  });

  test("include an image by digest, from the common registry", () => {
    expect(at(found, `${container}.image`)).toMatch(
      /^registry\.example\.com\/evertoken\/evertoken@sha256:[0-9a-f]{64}$/,
    );
  });

  test("may be whole objects, as maps or as templates", () => {
    expect(manifests.one("ConfigMap", "evertoken-extra")).toBeDefined();
    expect(manifests.one("ConfigMap", "tokens-text")).toBeDefined();
  });

  test("include names and the namespace", () => {
    expect(found.metadata).toMatchObject({ name: "tokens", namespace: "tokens" });
  });
});

test("a long release name leaves room for every suffix", async () => {
  const { all } = await render({ bundledRedis: { enabled: true } }, { release: "a".repeat(53) });
  for (const { kind, metadata } of all) expect([kind, metadata.name.length <= 57]).toEqual([kind, true]);
  expect(all.find(({ kind }) => kind === "StatefulSet")?.metadata.name.length).toBeLessThanOrEqual(52);
});

describe("on OpenShift", () => {
  const ids = { runAsUser: 65532, runAsGroup: 65532, fsGroup: 65532 };

  test("the fixed ids are left out, because OpenShift assigns its own", async () => {
    const found = await deployment(minimal, { apis: ["security.openshift.io/v1"] });
    expect(at(found, `${pod}.securityContext`)).toEqual({
      runAsNonRoot: true,
      seccompProfile: { type: "RuntimeDefault" },
    });
  });

  test("the fixed ids stay with adaptSecurityContext: never", async () => {
    const never = { ...minimal, openshift: { adaptSecurityContext: "never" } };
    expect(at(await deployment(never, { apis: ["security.openshift.io/v1"] }), `${pod}.securityContext`)).toMatchObject(
      ids,
    );
  });

  test("the fixed ids are left out everywhere with adaptSecurityContext: always", async () => {
    const always = { ...minimal, openshift: { adaptSecurityContext: "always" } };
    expect(at(await deployment(always), `${pod}.securityContext`)).not.toHaveProperty("runAsUser");
  });
});

test("hostUsers: false asks for a user namespace, which Kubernetes 1.33 has", async () => {
  const found = await deployment({ ...minimal, hostUsers: false }, { kubeVersion: "1.33.0" });
  expect(at(found, `${pod}.hostUsers`)).toBe(false);
});

describe("cloud identity", () => {
  test("IRSA is an annotation of the service account", async () => {
    const { one } = await render(valuesFile("aws-irsa"));
    expect(at(one("ServiceAccount"), "metadata.annotations")).toEqual({
      "eks.amazonaws.com/role-arn": "arn:aws:iam::111122223333:role/evertoken",
    });
  });

  test("EKS Pod Identity needs no annotation", async () => {
    const { one } = await render(valuesFile("aws-pod-identity"));
    expect(at(one("ServiceAccount"), "metadata")).not.toHaveProperty("annotations");
  });

  test("across clouds, a token for each audience is projected, and a variable names its file", async () => {
    const found = await deployment(valuesFile("cross-cloud"));
    const audiences = JSON.stringify(at(found, `${pod}.volumes`)).match(/"audience":"[^"]+"/g);
    expect(audiences).toHaveLength(2);
    expect(named(at(found, `${container}.env`), "AWS_WEB_IDENTITY_TOKEN_FILE")?.["value"]).toBe(
      "/var/run/secrets/aws/token",
    );
  });
});

describe("the preflight", async () => {
  const manifests = await render(valuesFile("preflight"));
  const job = manifests.one("Job");

  test("validates before an install or an upgrade, and is deleted after success", () => {
    expect(at(job, "metadata.annotations")).toMatchObject({
      "helm.sh/hook": "pre-install,pre-upgrade",
      "helm.sh/hook-delete-policy": "before-hook-creation,hook-succeeded",
    });
    expect(at(job, `${container}.args`)).toEqual(["validate"]);
    expect(at(job, "spec.backoffLimit")).toBe(0);
  });

  test("reads the same configuration and secrets, from a copy that exists before the release", () => {
    const copy = manifests.one("ConfigMap", "evertoken-preflight");
    expect(at(copy, "data")).toEqual(at(manifests.one("ConfigMap", "evertoken"), "data"));
    expect(named(at(job, `${pod}.volumes`), "config")).toEqual({
      name: "config",
      configMap: { name: "evertoken-preflight" },
    });
    expect(named(at(job, `${pod}.volumes`), "redis")).toMatchObject({ secret: { secretName: "evertoken-redis" } });
    expect(at(job, `${pod}.serviceAccountName`)).toBeUndefined();
  });
});
