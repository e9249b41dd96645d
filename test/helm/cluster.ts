import { type ChildProcess, spawn } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../fakes/free-port.ts";
import type { Ended } from "../fakes/run-program.ts";
import { toolPath } from "../setup/tools.ts";
import { runTool } from "./helm.ts";

/**
 * A real API server of Kubernetes: schemas, defaults, admission, Pod Security, server-side apply. Without kubelet and
 * controllers, objects are stored and no pod runs.
 */
export interface Cluster extends AsyncDisposable {
  readonly kubeconfig: string;
  kubectl(args: readonly string[], input?: string): Promise<Ended>;
  /** The object that `kubectl get -o json` finds; throws its message where there is none. */
  get(kind: string, name: string, namespace: string): Promise<unknown>;
  /**
   * Makes a namespace in which Pod Security refuses pods that are not restricted, and warns of them. Returns its
   * name.
   */
  namespace(name: string): Promise<string>;
}

export async function startCluster(): Promise<Cluster> {
  const dir = await mkdtemp(join(tmpdir(), "et-cluster-"));
  const [api, etcd, peers] = await Promise.all([freePort(), freePort(), freePort()]);
  const children: ChildProcess[] = [];
  const kubeconfig = join(dir, "kubeconfig");
  const kubectl = (args: readonly string[], input = "") =>
    runTool("kubectl", ["--kubeconfig", kubeconfig, "--cache-dir", join(dir, "cache"), ...args], input);

  async function end(): Promise<void> {
    for (const child of children.toReversed()) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      child.kill("SIGKILL");
      await once(child, "exit");
    }
    await rm(dir, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  }

  try {
    await writeFile(kubeconfig, JSON.stringify(configFor(api)));
    children.push(startEtcd(join(dir, "etcd"), etcd, peers), await startApi(dir, api, etcd));
    await ready(kubectl, children);
  } catch (error) {
    await end();
    throw error;
  }
  return {
    kubeconfig,
    kubectl,
    async get(kind, name, namespace) {
      const { code, stdout, stderr } = await kubectl(["-n", namespace, "get", kind, name, "-o", "json"]);
      if (code !== 0) throw new Error(stderr);
      return JSON.parse(stdout) as unknown;
    },
    async namespace(name) {
      const labels = {
        "pod-security.kubernetes.io/enforce": "restricted",
        "pod-security.kubernetes.io/warn": "restricted",
      };
      const manifest = { apiVersion: "v1", kind: "Namespace", metadata: { name, labels } };
      const { code, stderr } = await kubectl(["apply", "-f", "-"], JSON.stringify(manifest));
      if (code !== 0) throw new Error(stderr);
      return name;
    },
    [Symbol.asyncDispose]: end,
  };
}

function startEtcd(dir: string, port: number, peers: number): ChildProcess {
  const peer = `http://127.0.0.1:${peers}`;
  const args = ["--data-dir", dir, "--listen-client-urls", `http://127.0.0.1:${port}`];
  args.push("--advertise-client-urls", `http://127.0.0.1:${port}`, "--listen-peer-urls", peer);
  args.push("--initial-advertise-peer-urls", peer, "--initial-cluster", `default=${peer}`);
  return spawn(toolPath("etcd"), args, { stdio: "ignore" });
}

async function startApi(dir: string, port: number, etcd: number): Promise<ChildProcess> {
  const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  await writeFile(join(dir, "sa.key"), privateKey.export({ type: "pkcs8", format: "pem" }));
  await writeFile(join(dir, "sa.pub"), publicKey.export({ type: "spki", format: "pem" }));
  await writeFile(join(dir, "tokens.csv"), 'local-admin,admin,1,"system:masters"\n');
  const flags = {
    "etcd-servers": `http://127.0.0.1:${etcd}`,
    "secure-port": port,
    "bind-address": "127.0.0.1",
    "advertise-address": "127.0.0.1",
    "endpoint-reconciler-type": "none",
    "service-cluster-ip-range": "10.0.0.0/24",
    "service-account-issuer": "https://kubernetes.default.svc",
    "service-account-key-file": join(dir, "sa.pub"),
    "service-account-signing-key-file": join(dir, "sa.key"),
    "token-auth-file": join(dir, "tokens.csv"),
    "authorization-mode": "RBAC",
    // This plugin waits for the default service account, which no controller makes here.
    "disable-admission-plugins": "ServiceAccount",
    "cert-dir": join(dir, "certs"),
  };
  const args = Object.entries(flags).map(([name, value]) => `--${name}=${value}`);
  return spawn(toolPath("kube-apiserver"), args, { stdio: "ignore" });
}

async function ready(kubectl: Cluster["kubectl"], children: readonly ChildProcess[]): Promise<void> {
  const deadline = Date.now() + 90_000;
  for (;;) {
    const { code, stderr } = await kubectl(["get", "--raw", "/readyz"]);
    if (code === 0) return;
    if (children.some((child) => child.exitCode !== null)) throw new Error("etcd or kube-apiserver has ended");
    if (Date.now() > deadline) throw new Error(`the API server is not ready after 90 s: ${stderr}`);
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}

function configFor(port: number): object {
  return {
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "local", cluster: { server: `https://127.0.0.1:${port}`, "insecure-skip-tls-verify": true } }],
    users: [{ name: "admin", user: { token: "local-admin" } }],
    contexts: [{ name: "local", context: { cluster: "local", user: "admin" } }],
    "current-context": "local",
  };
}
