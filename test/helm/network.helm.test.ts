import { describe, expect, test } from "vitest";
import { type Manifests, at, minimal, render, valuesFile } from "./helm.ts";

/** The network policy allows the traffic that evertoken needs, and no other. */

const on = (networkPolicy: object, config: object = {}) => ({
  config: { ...minimal.config, ...config },
  networkPolicy: { enabled: true, ...networkPolicy },
});

interface Rule {
  readonly to?: readonly { ipBlock?: { cidr: string }; podSelector?: unknown }[];
  readonly ports: readonly { port: number; protocol: string }[];
}

const egress = ({ one }: Manifests) => at(one("NetworkPolicy", "evertoken"), "spec.egress") as Rule[];
const rule = (manifests: Manifests, port: number) =>
  egress(manifests).find(({ ports }) => ports.some((each) => each.port === port));
const cidrs = (found: Rule | undefined) => found?.to?.map(({ ipBlock }) => ipBlock?.cidr);

describe("the network policy", () => {
  test("is off by default", async () => {
    expect((await render(minimal)).kinds()).not.toContain("NetworkPolicy");
  });

  test("closes both directions for the daemon's pods", async () => {
    const manifests = await render(on({}));
    const spec = at(manifests.one("NetworkPolicy"), "spec");
    expect(at(spec, "policyTypes")).toEqual(["Ingress", "Egress"]);
    expect(at(spec, "podSelector.matchLabels")).toEqual(at(manifests.one("Deployment"), "spec.selector.matchLabels"));
  });

  test("lets in scrapes from the monitoring namespace, on one port", async () => {
    const manifests = await render(on({}));
    expect(at(manifests.one("NetworkPolicy"), "spec.ingress")).toEqual([
      {
        from: [{ namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "monitoring" } } }],
        ports: [{ protocol: "TCP", port: 9464 }],
      },
    ]);
  });

  test("lets out DNS by UDP and TCP to any server, because a node-local cache is no pod of kube-dns", async () => {
    const found = rule(await render(on({})), 53);
    expect(found).toEqual({
      ports: [
        { protocol: "UDP", port: 53 },
        { protocol: "TCP", port: 53 },
      ],
    });
  });

  test("lets out the port of a Redis with a name, to any address", async () => {
    expect(rule(await render(on({})), 6379)).toEqual({ ports: [{ protocol: "TCP", port: 6379 }] });
  });

  test("lets out the address of a Redis with an IP address, and no other", async () => {
    expect(cidrs(rule(await render(valuesFile("network-policy")), 6380))).toEqual(["10.20.30.40/32"]);
  });

  test("lets out the peers that the values name for Redis", async () => {
    expect(cidrs(rule(await render(valuesFile("redis-tls")), 6380))).toEqual(["10.20.0.0/16"]);
  });

  test("lets out Sentinels, and the usual port of the master that only they know", async () => {
    const found = rule(await render(valuesFile("redis-sentinel")), 26379);
    expect(found?.ports.map(({ port }) => port)).toEqual([26379, 6379]);
  });

  test("lets out the nodes of a Cluster", async () => {
    const found = rule(await render(valuesFile("redis-cluster")), 7000);
    expect(found?.ports.map(({ port }) => port)).toEqual([7000]);
    expect(found?.to).toHaveLength(1);
  });

  test("lets out further ports of Redis from the values", async () => {
    expect(rule(await render(on({ redisPorts: [6390] })), 6390)?.ports.map(({ port }) => port)).toEqual([6390, 6379]);
  });

  test("lets out only the ports of the values where the address is a variable", async () => {
    const variable = (redisPorts: number[]) => on({ redisPorts }, { redis: { url: "${REDIS_URL}" } });
    expect(rule(await render(variable([])), 6379)?.ports).toEqual([{ protocol: "TCP", port: 6379 }]);
    expect(rule(await render(variable([7000])), 7000)?.to).toBeUndefined();
  });

  test("lets out the bundled Redis by its pod, which lets only evertoken in", async () => {
    const manifests = await render(valuesFile("bundled-redis"));
    const labels = at(manifests.one("StatefulSet"), "spec.selector.matchLabels");
    expect(rule(manifests, 6379)?.to).toEqual([{ podSelector: { matchLabels: labels } }]);
    const own = manifests.one("NetworkPolicy", "evertoken-redis");
    expect(at(own, "spec.podSelector.matchLabels")).toEqual(labels);
    expect(JSON.stringify(at(own, "spec.ingress"))).toContain('"values":["daemon","test"]');
  });

  test("lets out 443 and every port of a token endpoint or store, to the allowed networks", async () => {
    const found = rule(await render(valuesFile("network-policy")), 443);
    expect(found?.ports.map(({ port }) => port)).toEqual([443, 8443]);
    expect(cidrs(found)).toEqual(["0.0.0.0/0", "::/0"]);
    const narrow = rule(await render(on({ allowedCIDRs: ["203.0.113.0/24"] })), 443);
    expect(cidrs(narrow)).toEqual(["203.0.113.0/24"]);
  });

  test("lets out the agent of EKS Pod Identity where the values enable it", async () => {
    expect(cidrs(rule(await render(valuesFile("aws-pod-identity")), 80))).toEqual([
      "169.254.170.23/32",
      "fd00:ec2::23/128",
    ]);
  });

  test("lets out the metadata server of GKE where the values enable it", async () => {
    const manifests = await render(valuesFile("gke-workload-identity"));
    expect(cidrs(rule(manifests, 988))).toEqual(["169.254.169.252/32"]);
    expect(cidrs(rule(manifests, 80))).toEqual(["169.254.169.254/32"]);
  });

  test("lets out neither of the two by default", async () => {
    expect(rule(await render(on({})), 80)).toBeUndefined();
  });

  test("lets out the peers that a user adds", async () => {
    expect(rule(await render(valuesFile("network-policy")), 4318)).toBeDefined();
  });
});

describe("the policy of Cilium", async () => {
  const manifests = await render(valuesFile("network-policy-cilium"));
  const spec = at(manifests.one("CiliumNetworkPolicy"), "spec");
  const text = JSON.stringify(spec);

  test("replaces that of Kubernetes", () => {
    expect(manifests.kinds()).not.toContain("NetworkPolicy");
  });

  test("lets out token endpoints, stores and the hosts of cloud identity by name", () => {
    const hosts = [...text.matchAll(/"match(?:Name|Pattern)":"([^"]+)"/g)].map(([, host = ""]) => host);
    expect(hosts.toSorted()).toEqual([
      "*",
      "*.auth0.com",
      "api.eu.cyclr.com",
      "iamcredentials.googleapis.com",
      "oauth2.googleapis.com",
      "secretmanager.europe-west3.rep.googleapis.com",
      "secretmanager.googleapis.com",
      "secretsmanager.eu-west-1.amazonaws.com",
      "sts.amazonaws.com",
      "sts.eu-west-1.amazonaws.com",
      "sts.googleapis.com",
    ]);
  });

  test("sees the DNS answers from which Cilium learns the names", () => {
    expect(text).toContain('"rules":{"dns":[{"matchPattern":"*"}]}');
  });

  test("lets in scrapes and the probes of the kubelet", () => {
    expect(at(spec, "ingress.0.fromEntities")).toEqual(["host"]);
    expect(JSON.stringify(at(spec, "ingress.1"))).toContain(
      '"key":"k8s:io.cilium.k8s.namespace.labels.kubernetes.io/metadata.name","operator":"In","values":["monitoring"]',
    );
  });

  test("lets out the agent of EKS Pod Identity as the node, because its address never matches", () => {
    const rules = at(spec, "egress") as { toEntities?: string[]; toPorts?: { ports: { port: string }[] }[] }[];
    const found = rules.find(({ toPorts }) => toPorts?.[0]?.ports[0]?.port === "80");
    expect(found?.toEntities).toEqual(["host"]);
  });
});
