import { randomUUID } from "node:crypto";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { startAws } from "../fakes/aws.ts";
import { configuredCredential } from "../fakes/configuration.ts";
import { rotated } from "../fakes/daemon.ts";
import { freePort } from "../fakes/free-port.ts";
import { startRedis } from "../fakes/redis.ts";
import { startTokenEndpoint, token } from "../fakes/token-endpoint.ts";
import { render } from "../helm/helm.ts";
import { follow, podman } from "./container.ts";

interface Deployment {
  readonly spec: {
    readonly template: {
      readonly spec: {
        readonly containers: Record<string, unknown>[];
        readonly volumes: { readonly secret?: { optional?: boolean } }[];
      };
    };
  };
}

type Entries = Readonly<Record<string, string>>;

/** A Secret; `data` is in base64. */
const secret = (name: string, data: Entries): object => ({
  apiVersion: "v1",
  kind: "Secret",
  metadata: { name },
  data,
});
// Podman 4.3, the version of Debian, mounts the values of a Secret without decoding them.
const mounted = {
  password: "cmVkaXMgcGFzc3dvcmQ=",
  sealKey: Buffer.alloc(32, 7).toString("base64"),
  client: "czNjcmV0",
};

/**
 * Podman plays the rendered ConfigMap and Deployment as a kubelet does: user, read-only root, dropped capabilities,
 * memory limit, environment and volumes. Two things differ. The test asks the probes from outside, because Podman
 * needs curl inside. The pod shares the network of the machine, so that it needs a free port.
 */
test("the Deployment of the chart starts the image, obtains and publishes a token, and ends at SIGTERM", async () => {
  await using provider = await startTokenEndpoint();
  await using aws = await startAws();
  await using redis = await startRedis({ port: true, password: mounted.password });
  provider.otherwise(token({ access_token: "from-the-provider" }));
  const port = await freePort();
  const release = `play-${randomUUID().slice(0, 8)}`;

  const manifests = await render(
    {
      fullnameOverride: release,
      image: { registry: "localhost", repository: "evertoken", tag: "node24" },
      redis: { existingSecret: `${release}-redis` },
      sealKey: { existingSecret: `${release}-seal` },
      clientSecrets: [`${release}-clients`],
      extraEnv: Object.entries(aws.env).map(([name, value]) => ({ name, value })),
      config: {
        redis: { url: redis.url.replace(/:[^:@/]*@/, "") },
        providers: { p: { tokenEndpoint: provider.url } },
        stores: { aws: { type: "aws-secrets-manager", region: aws.region, endpoint: aws.url, create: true } },
        credentials: [
          configuredCredential("acme", {
            clientSecret: { file: `/var/run/secrets/evertoken/clients/${release}-clients/acme` },
            publish: [{ store: "aws", secret: "cyclr/acme" }],
          }),
        ],
      },
    },
    { release },
  );
  const deployment = structuredClone(manifests.one("Deployment")) as unknown as Deployment;
  const pod = deployment.spec.template.spec;
  for (const each of pod.containers) {
    for (const key of ["startupProbe", "livenessProbe", "readinessProbe", "ports"]) delete each[key];
  }
  // This Podman also fails at a Secret without the key `optional`.
  for (const volume of pod.volumes) if (volume.secret !== undefined) volume.secret.optional = false;
  const played = [
    JSON.parse(JSON.stringify(manifests.one("ConfigMap", release)).replace(":9464", `127.0.0.1:${port}`)) as object,
    secret(`${release}-redis`, { password: mounted.password }),
    secret(`${release}-seal`, { "seal-key": mounted.sealKey }),
    secret(`${release}-clients`, { acme: mounted.client }),
    deployment,
  ];
  const dir = await mkdtemp(join(tmpdir(), "et-play-"));
  await chmod(dir, 0o755);
  const file = join(dir, "rendered.yaml");
  await writeFile(file, played.map((each) => JSON.stringify(each)).join("\n---\n"));
  onTestFinished(async () => {
    await podman("kube", "down", file);
    await podman("secret", "rm", ...["redis", "seal", "clients"].map((name) => `${release}-${name}`));
    await rm(dir, { recursive: true });
  }, 60_000);

  const { code, stderr } = await podman("kube", "play", "--network=host", file);
  expect([code, stderr.replaceAll(/^.*replica count.*$/gm, "").trim()]).toEqual([0, ""]);
  const container = `${release}-pod-0-evertoken`;
  await using daemon = follow(container);
  await daemon.line(rotated("acme"), 120_000);
  expect(JSON.parse(aws.value("cyclr/acme") ?? "{}")).toMatchObject({ access_token: "from-the-provider", revision: 1 });
  for (const path of ["/startupz", "/livez", "/readyz"]) {
    expect([path, (await fetch(`http://127.0.0.1:${port}${path}`)).status]).toEqual([path, 200]);
  }
  expect(await podman("exec", container, "evertoken", "status")).toMatchObject({ code: 0 });

  await podman("stop", "--time", "60", container);
  await daemon.line((line) => line.event === "app.stopped" && line["drained"] === true);
  const { stdout } = await podman("inspect", "--format", "{{.State.ExitCode}}", container);
  expect(stdout).toBe("0\n");
}, 300_000);
